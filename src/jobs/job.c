/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/job.h"
