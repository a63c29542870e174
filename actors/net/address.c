#include "actors/net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HIGHEST_PORT = 65535, CERTIFIED_HOST_MAX = 127, LOOPBACK_NET = 127 };

static const struct {
    const char *text;
    bool secure;
    int port;
} schemes[] = {{"ws://", false, 80}, {"wss://", true, 443}};

/*  Copies size bytes of text; false if they are none, too many, or not printable: a space
    or a line break would end the request line that they go into.  */
static bool
copy_part(char *out, size_t room, const char *text, size_t size)
{
    if (size == 0 || size >= room)
        return false;
    for (size_t i = 0; i < size; i++)
        if (text[i] <= ' ' || text[i] == 0x7f)
            return false;
    memcpy(out, text, size);
    out[size] = '\0';
    return true;
}

static bool
parse_port(const char *text, size_t size, int *port)
{
    int value = 0;
    if (size == 0 || size > 5)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (text[i] - '0');
    }
    *port = value;
    return value <= HIGHEST_PORT;
}

/*  The host at the start of text: *host_size bytes at *host; gives what comes after it.  */
static const char *
find_host(const char *text, const char **host, size_t *host_size)
{
    if (*text == '[') {
        *host = text + 1;
        *host_size = strcspn(*host, "]/?");
        const char *end = *host + *host_size;
        return *end == ']' ? end + 1 : NULL;
    }
    *host = text;
    *host_size = strcspn(text, ":/?#");
    return text + *host_size;
}

static const char *
parse_authority(const char *text, address_t *out)
{
    const char *host = NULL;
    size_t host_size = 0;
    const char *rest = find_host(text, &host, &host_size);
    if (rest == NULL || !copy_part(out->host, sizeof(out->host), host, host_size))
        return NULL;
    if (*rest != ':')
        return rest;

    rest++;
    size_t digits = strcspn(rest, "/?#");
    return parse_port(rest, digits, &out->port) ? rest + digits : NULL;
}

err_t
address_parse(const char *text, address_t *out, fault_t *fault)
{
    *out = (address_t){.port = -1};
    const char *rest = parse_authority(text, out);
    if (rest == NULL || *rest != '\0' || out->port < 0)
        return fault_set(
            fault, ERR_CONFIG,
            "\"%s\" is no address to listen on; write HOST:PORT, as 127.0.0.1:8787", text);
    if (strcmp(out->host, "*") == 0)
        out->host[0] = '\0';
    return OK;
}

static err_t
refuse_url(fault_t *fault, const char *text, const char *why)
{
    return fault_set(fault, ERR_CONFIG,
                     "\"%s\" cannot be dialled: %s; write ws://HOST:PORT/PATH or wss://...",
                     text, why);
}

/*  What comes after the scheme; NULL if we have no such scheme.  */
static const char *
parse_scheme(const char *text, url_t *out)
{
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        const size_t size = strlen(schemes[i].text);
        if (strncmp(text, schemes[i].text, size) != 0)
            continue;
        *out = (url_t){.secure = schemes[i].secure, .address.port = schemes[i].port};
        return text + size;
    }
    return NULL;
}

static bool
has_token(const char *text)
{
    const char *query = strchr(text, '?');
    return query != NULL
           && (strncmp(query, "?token=", 7) == 0 || strstr(query, "&token=") != NULL);
}

/*  The library cuts the host that it compares with the certificate: what would be cut cannot
    be checked, and an empty one passes unchecked.  */
static bool
can_be_certified(const char *host)
{
    return strchr(host, ':') == NULL && strlen(host) <= CERTIFIED_HOST_MAX;
}

err_t
url_parse(const char *text, url_t *out, fault_t *fault)
{
    if (has_token(text))
        return fault_set(fault, ERR_CONFIG,
                         "a token in a URL is seen in logs: put it into a "
                         "file and name that in agent.token_file");
    *out = (url_t){.address.port = 0};
    const char *authority = parse_scheme(text, out);
    if (authority == NULL)
        return refuse_url(fault, text, "it does not begin with ws:// or wss://");

    const char *rest = parse_authority(authority, &out->address);
    if (rest == NULL || out->address.port == 0)
        return refuse_url(fault, text, "its host or port makes no sense");
    if (out->secure && !can_be_certified(out->address.host))
        return refuse_url(fault, text, "wss wants the name that is in the certificate");
    if (strchr(rest, '#') != NULL)
        return refuse_url(fault, text, "a fragment (#) has no meaning here");

    out->target[0] = '/';
    size_t lead = *rest == '/' ? 0 : 1;
    if (*rest != '\0'
        && !copy_part(out->target + lead, sizeof(out->target) - lead, rest, strlen(rest)))
        return refuse_url(fault, text, "its path is too long or has a space in it");
    return OK;
}

bool
address_is_loopback(const address_t *self)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, self->host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == LOOPBACK_NET;
    if (inet_pton(AF_INET6, self->host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcmp(self->host, "localhost") == 0;
}

/*  ------------------------------------------------------------------------ probe  */

err_t
address_refuse(const address_t *self, int cause, fault_t *fault)
{
    return fault_set(fault, cause == EADDRINUSE ? ERR_EXISTS : ERR_IO,
                     "cannot listen on %s:%d: %s; choose another address with --listen",
                     self->host[0] != '\0' ? self->host : "*", self->port,
                     cause == EADDRINUSE ? "the port is taken" : strerrordesc_np(cause));
}

static int
try_to_listen(const struct addrinfo *where)
{
    int fd = socket(where->ai_family, where->ai_socktype | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int yes = 1;
    int failed = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (failed == 0)
        failed = bind(fd, where->ai_addr, where->ai_addrlen);
    if (failed == 0)
        failed = listen(fd, 1);
    int cause = failed == 0 ? 0 : errno;
    close(fd);
    return cause;
}

/*  Leaves the host as a number.  */
static err_t
probe(address_t *self, const struct addrinfo *where, fault_t *fault)
{
    int cause = try_to_listen(where);
    if (cause != 0)
        return address_refuse(self, cause, fault);
    if (self->host[0] == '\0')
        return OK;
    int failed = getnameinfo(where->ai_addr, where->ai_addrlen, self->host, sizeof(self->host),
                             NULL, 0, NI_NUMERICHOST);
    return failed == 0 ? OK : address_refuse(self, EADDRNOTAVAIL, fault);
}

err_t
address_probe(address_t *self, fault_t *fault)
{
    char port[8];
    snprintf(port, sizeof(port), "%d", self->port);
    bool any = self->host[0] == '\0';
    struct addrinfo hints = {
        .ai_family = any ? AF_INET : AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE,
    };
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(any ? NULL : self->host, port, &hints, &found);
    if (failed != 0)
        return fault_set(
            fault, ERR_CONFIG,
            "cannot listen on %s: %s; use an address of this machine, or * for all", self->host,
            gai_strerror(failed));
    err_t err = probe(self, found, fault);
    freeaddrinfo(found);
    return err;
}
