/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_MESSAGE_PART_H
#define SERVICEOS_MESSAGE_PART_H

#include <gmime/gmime.h>

#include "http/message.h"

/* The text and the files of what the message consists of. -1: refused. */
int message_parts(struct message *, struct arena *, GMimeObject *);

#endif
