/* SPDX-License-Identifier: Apache-2.0 */
/* Where requests may go: see outgoing.h. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/conf.h"
#include "base/network.h"
#include "base/util.h"
#include "store/outgoing.h"

/* Not global unicast: the IANA special-purpose registries of IPv4 and IPv6 (RFC 6890). */
static const char special[] =
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 "
    "192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 "
    "224.0.0.0/3 ::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 3fff::/20 5f00::/16 "
    "fc00::/7 fe80::/10 fec0::/10 ff00::/8";

/* Below 1024 only the ports of HTTP; above, those of databases and their like. */
static const unsigned foreign_ports[] = { 1433, 1521, 2049, 2181, 2375, 2376, 2379, 2380, 3306,
	3389, 4369, 5432, 5433, 5671, 5672, 5900, 5984, 6000, 6379, 6432, 6443, 6660, 6666, 6667,
	6697, 8086, 9042, 9092, 9200, 9300, 10250, 11211, 15672, 26379, 27017 };

#define NOT_PUBLIC "Its address is not a public one."
#define HOST_MAX 253
#define HOST_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:"

/* The IPv4 address inside of NAT64 (64:ff9b::/96) and 6to4 (2002::/16) is what is reached. */
static bool
embedded(const char *address, char out[INET_ADDRSTRLEN])
{
	unsigned char raw[16];

	if (inet_pton(AF_INET6, address, raw) != 1)
		return false;
	if (network_contains("64:ff9b::/96", address))
		return inet_ntop(AF_INET, raw + 12, out, INET_ADDRSTRLEN) != NULL;
	if (network_contains("2002::/16", address))
		return inet_ntop(AF_INET, raw + 2, out, INET_ADDRSTRLEN) != NULL;
	return false;
}

bool
outgoing_socket_address(const struct sockaddr *a, char out[INET6_ADDRSTRLEN])
{
	if (a->sa_family == AF_INET)
		return inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, out,
			   INET6_ADDRSTRLEN) != NULL;
	if (a->sa_family == AF_INET6)
		return inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, out,
			   INET6_ADDRSTRLEN) != NULL;
	return false;
}

/* This machine's, public or not: what listens there may trust whoever is beside it. */
static bool
is_own(const char *address)
{
	struct ifaddrs *all, *i;
	char text[INET6_ADDRSTRLEN];
	bool found = false;

	if (getifaddrs(&all) == -1)
		return true;
	for (i = all; i != NULL && !found; i = i->ifa_next)
		found = i->ifa_addr != NULL && outgoing_socket_address(i->ifa_addr, text) &&
		        network_contains(text, address);
	freeifaddrs(all);
	return found;
}

bool
outgoing_address_allowed(const char *address)
{
	char inner[INET_ADDRSTRLEN];

	if (network_contains(conf.outgoing_allow, address))
		return true;
	if (is_own(address))
		return false;
	if (embedded(address, inner))
		return !network_contains(special, inner);
	if (strchr(address, ':') != NULL && strstr(address, "::ffff:") == NULL &&
	    !network_contains("2000::/3", address))
		return false;
	return network_contains("0.0.0.0/0 ::/0", address) && !network_contains(special, address);
}

/* Whether it is the host of base_url, where this service is. */
static bool
is_own_name(const char *name)
{
	CURLU *u = curl_url();
	char *host = NULL;
	bool own;

	own = curl_url_set(u, CURLUPART_URL, conf.base_url, 0) == CURLUE_OK &&
	      curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK && strcasecmp(host, name) == 0;
	curl_free(host);
	curl_url_cleanup(u);
	return own;
}

static bool
is_localhost(const char *name)
{
	size_t len = strlen(name), tail = strlen(".localhost");

	return strcasecmp(name, "localhost") == 0 ||
	       (len > tail && strcasecmp(name + len - tail, ".localhost") == 0);
}

static const char *
refuse_host(const char *host)
{
	char name[HOST_MAX + 1];
	struct in_addr ip4;
	size_t len = strlen(host);

	if (*host == '[') {
		host++;
		len -= 2;
	} else if (len > 1 && host[len - 1] == '.') { /* the same name */
		len--;
	}
	if (len == 0 || len > HOST_MAX)
		return "It needs a scheme and a host.";
	memcpy(name, host, len);
	name[len] = '\0';
	if (strspn(name, HOST_CHARACTERS) != len)
		return "Its host has a character that no name has.";
	if (strchr(name, ':') != NULL || inet_aton(name, &ip4) != 0)
		return outgoing_address_allowed(name) ? NULL : NOT_PUBLIC;
	if (is_localhost(name))
		return outgoing_address_allowed("127.0.0.1") ? NULL : NOT_PUBLIC;
	return is_own_name(name) ? "It leads to this service." : NULL;
}

static const char *
refuse_port(const char *text)
{
	long port = strtol(text, NULL, 10);
	unsigned i;

	if (port < 1024 && port != 80 && port != 443)
		return "Its port is that of another kind of service.";
	for (i = 0; i < LENGTH(foreign_ports); i++)
		if (port == (long)foreign_ports[i])
			return "Its port is that of another kind of service.";
	return NULL;
}

/* Of the parts of a URL that say where it leads. */
static const char *
refuse_parts(CURLU *u)
{
	char *scheme = NULL, *host = NULL, *user = NULL, *fragment = NULL, *port = NULL;
	const char *why = NULL;

	curl_url_get(u, CURLUPART_SCHEME, &scheme, 0);
	curl_url_get(u, CURLUPART_HOST, &host, 0);
	curl_url_get(u, CURLUPART_USER, &user, 0);
	curl_url_get(u, CURLUPART_FRAGMENT, &fragment, 0);
	curl_url_get(u, CURLUPART_PORT, &port, 0);
	if (scheme == NULL || host == NULL)
		why = "It needs a scheme and a host.";
	else if (strcmp(scheme, "https") != 0 &&
		 (strcmp(scheme, "http") != 0 || !conf.outgoing_http))
		why = "It must begin with https://.";
	else if (user != NULL)
		why = "It must not have a user name.";
	else if (fragment != NULL)
		why = "It must not have a fragment.";
	else if (port != NULL)
		why = refuse_port(port);
	if (why == NULL)
		why = refuse_host(host);
	curl_free(scheme);
	curl_free(host);
	curl_free(user);
	curl_free(fragment);
	curl_free(port);
	return why;
}

const char *
outgoing_refusal(const char *url)
{
	const unsigned char *p;
	const char *why = NULL;
	CURLU *u;

	if (strlen(url) > OUTGOING_URL_MAX)
		return "It is longer than 2048 bytes.";
	for (p = (const unsigned char *)url; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '\\')
			return "It has a character that must be percent-encoded.";
	u = curl_url();
	if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK)
		why = "It is no URL.";
	else
		why = refuse_parts(u);
	curl_url_cleanup(u);
	return why;
}
