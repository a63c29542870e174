#include "actors/common/monitor/door.h"

#include "actors/common/query.h"
#include "actors/common/secret.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    LOOPBACK_NET = 127,
    SHORTEST_TOKEN = 16,
    TOKEN_ROOM = 1024,
    REQUEST_US = 20000, /* share of a request: 50 a second */
    AHEAD_US = 4000000, /* so much may come at once: a page with all its parts */
};

/*  ------------------------------------------------------------------------- hosts  */

/*  HOST, HOST:PORT or [V6]:PORT, without the port and the brackets. False if it is none of
    them, or too long.  */
static bool
host_of(const char *text, char host[DOOR_HOST_ROOM])
{
    const bool v6 = text[0] == '[';
    const char *begin = text + v6;
    const size_t size = strcspn(begin, v6 ? "]" : ":");
    const char *rest = begin + size + v6;
    if (size == 0 || size >= DOOR_HOST_ROOM || (v6 && begin[size] != ']'))
        return false;
    if (rest[0] != '\0' && (rest[0] != ':' || rest[1 + strspn(rest + 1, "0123456789")] != '\0'))
        return false;
    memcpy(host, begin, size);
    host[size] = '\0';
    return true;
}

static bool
is_address(const char *host)
{
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

static bool
is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == LOOPBACK_NET;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcasecmp(host, "localhost") == 0;
}

/*  A name can be made to lead here by whoever owns it; an address cannot.  */
static bool
is_ours(const door_t *self, const char *host)
{
    return is_loopback(host) || strcasecmp(host, self->host) == 0
           || (self->outside && is_address(host));
}

/*  ------------------------------------------------------------------------- token  */

static bool
is_visible(const buffer_t *token)
{
    for (size_t i = 0; i < token->size; i++)
        if (token->data[i] <= ' ' || token->data[i] >= 0x7f)
            return false;
    return true;
}

static err_t
read_token(door_t *self, const char *path, fault_t *fault)
{
    const err_t err = secret_read("monitor.token_file", path, &self->token, fault);
    if (err != OK)
        return err;
    while (self->token.size > 0 && strchr(" \t\r\n", self->token.data[self->token.size - 1]))
        self->token.size--;
    if (self->token.size < SHORTEST_TOKEN || self->token.size >= TOKEN_ROOM
        || !is_visible(&self->token))
        return fault_set(fault, ERR_CONFIG,
                         "monitor.token_file: %s: a token is one word of %d to %d characters; "
                         "make one with: openssl rand -hex 16",
                         path, SHORTEST_TOKEN, TOKEN_ROOM - 1);
    return OK;
}

/*  Takes as long for a token that is nearly right as for one that is not at all.  */
static bool
is_token(const door_t *self, const char *text)
{
    const size_t size = strlen(text);
    unsigned difference = size != self->token.size;
    for (size_t i = 0; i < size; i++)
        difference |= (unsigned) (uint8_t) text[i] ^ self->token.data[i % self->token.size];
    return difference == 0;
}

/*  -------------------------------------------------------------------------- door  */

err_t
door_open(door_t *self, const settings_t *settings, fault_t *fault)
{
    const char *listen = settings->monitor_listen;
    if (!host_of(listen, self->host))
        return fault_set(fault, ERR_CONFIG,
                         "monitor.listen: \"%s\": write HOST:PORT, as 127.0.0.1:0, or off",
                         listen);
    self->outside = !is_loopback(self->host);
    if (settings->monitor_token_file[0] != '\0')
        return read_token(self, settings->monitor_token_file, fault);
    if (self->outside)
        return fault_set(fault, ERR_CONFIG,
                         "monitor.listen: %s: other machines could use the page: name a file "
                         "with a token in monitor.token_file, or listen on 127.0.0.1",
                         listen);
    return OK;
}

void
door_close(door_t *self)
{
    secret_release(&self->token);
}

bool
door_charge(door_t *self, uint64_t now_us)
{
    if (self->paid_us < now_us)
        self->paid_us = now_us;
    if (self->paid_us - now_us > AHEAD_US)
        return false;
    self->paid_us += REQUEST_US;
    return true;
}

/*  A browser says where the page that asks came from; other programs say nothing.  */
static bool
is_same_origin(const char *origin, const char *host)
{
    static const char scheme[] = "http://", secure[] = "https://"; /* behind a proxy */
    const char *rest = origin;
    if (strncmp(origin, scheme, strlen(scheme)) == 0)
        rest += strlen(scheme);
    else if (strncmp(origin, secure, strlen(secure)) == 0)
        rest += strlen(secure);
    return origin[0] == '\0' || (rest != origin && strcasecmp(rest, host) == 0);
}

bool
door_knows_origin(const door_t *self, const net_upgrade_t *upgrade, net_answer_t *answer)
{
    char host[DOOR_HOST_ROOM];
    if (!host_of(upgrade->host, host) || !is_ours(self, host))
        *answer = (net_answer_t){
            .status = 403,
            .body = "This Host is not known here: use the address that is listened on, or set "
                    "its name in monitor.listen\n"};
    else if (!is_same_origin(upgrade->origin, upgrade->host))
        *answer = (net_answer_t){.status = 403, .body = "This Origin is not allowed\n"};
    else
        return true;
    return false;
}

bool
door_knows_token(const door_t *self, const net_upgrade_t *upgrade, net_answer_t *answer)
{
    static const char scheme[] = "Bearer ";
    const char *header = upgrade->authorization;
    char token[TOKEN_ROOM] = "";
    if (self->token.size == 0)
        return true;
    bool given = strncasecmp(header, scheme, strlen(scheme)) == 0;
    bool known = given && is_token(self, header + strlen(scheme));
    if (header[0] == '\0') {
        given = query_read(upgrade->query, "token", token, sizeof token) && token[0] != '\0';
        known = given && is_token(self, token);
    }
    explicit_bzero(token, sizeof token);
    if (!known)
        *answer = (net_answer_t){
            .status = 401,
            .headers = "WWW-Authenticate: Bearer\r\n",
            .type = "application/json",
            .body = given ? "{\"code\":\"PERMISSION_DENIED\",\"message\":\"This is not the "
                            "token that monitor.token_file has\"}"
                          : "{\"code\":\"PERMISSION_DENIED\",\"message\":\"A token is asked "
                            "for: the one that monitor.token_file has\"}",
        };
    return known;
}
