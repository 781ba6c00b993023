/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOS_NETWORK_H
#define SERVICEOS_NETWORK_H

/* Addresses and CIDR ranges of IPv4 and IPv6. */

#include <stdbool.h>

/* True when the blank- or comma-separated list is all valid ranges or addresses. */
bool network_list_valid(const char *ranges);
/* ::ffff:a.b.c.d counts as a.b.c.d. A malformed address is in no range. */
bool network_contains(const char *ranges, const char *address);
/* What requests of one client are counted by: IPv4 as it is, IPv6 cut to its /64. */
void network_client_key(char out[64], const char *address);

#endif
