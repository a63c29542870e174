#include "actors/server/upgrade.h"

#include "actors/common/query.h"

#include <string.h>
#include <strings.h>

static void
refuse(net_answer_t *answer, int status, const char *body)
{
    *answer = (net_answer_t){.status = status, .body = body};
}

/*  ------------------------------------------------------------------------ query  */

/*  A client id is shown in logs and on terminals.  */
static bool
is_visible(const char *text)
{
    for (; *text; text++)
        if ((unsigned char) *text < ' ' || *text == 0x7f)
            return false;
    return true;
}

static bool
read_client_id(const char *query, visitor_t *visitor, net_answer_t *answer)
{
    size_t size = 0;
    const char *value = query_find(query, "clientId", &size);
    if (value == NULL || size == 0) {
        refuse(answer, 400, "Client ID is required");
        return false;
    }
    if (!query_decode(value, size, visitor->client_id, sizeof visitor->client_id)
        || !is_visible(visitor->client_id)) {
        refuse(answer, 400, "Invalid client ID: it must be UTF-8 of at most 128 bytes");
        return false;
    }
    return true;
}

static bool
read_position(const char *query, visitor_t *visitor, net_answer_t *answer)
{
    char text[LSN_TEXT];
    size_t size = 0;
    const char *value = query_find(query, "lsn", &size);
    visitor->lsn = 0;
    if (value == NULL
        || (query_decode(value, size, text, sizeof text) && lsn_parse(text, &visitor->lsn)))
        return true;
    refuse(answer, 400, "Invalid LSN format");
    return false;
}

static bool
read_epoch(const char *query, visitor_t *visitor, net_answer_t *answer)
{
    size_t size = 0;
    const char *value = query_find(query, "epoch", &size);
    visitor->epoch[0] = '\0';
    if (value == NULL || query_decode(value, size, visitor->epoch, sizeof visitor->epoch))
        return true;
    refuse(answer, 400, "Invalid epoch");
    return false;
}

/*  ------------------------------------------------------------------------- token  */

static bool
copy_token(const char *text, char token[TOKEN_MAX + 1])
{
    const size_t size = strlen(text);
    if (size > TOKEN_MAX || strpbrk(text, " \t") != NULL)
        return false;
    memcpy(token, text, size + 1);
    return true;
}

bool
upgrade_token(const net_upgrade_t *upgrade, char token[TOKEN_MAX + 1])
{
    static const char scheme[] = "Bearer ";
    size_t size = 0;
    const char *header = upgrade->authorization;
    token[0] = '\0';
    if (header != NULL && header[0] != '\0')
        return strncasecmp(header, scheme, strlen(scheme)) == 0
               && copy_token(header + strlen(scheme), token);
    const char *value = query_find(upgrade->query, "token", &size);
    return value == NULL || query_decode(value, size, token, TOKEN_MAX + 1);
}

/*  ------------------------------------------------------------------------- lease  */

static bool
read_lease(const char *query, visitor_t *visitor, net_answer_t *answer)
{
    size_t size = 0;
    const char *value = query_find(query, "lease", &size);
    visitor->leased = value != NULL;
    visitor->lease[0] = '\0';
    if (value == NULL || query_decode(value, size, visitor->lease, sizeof visitor->lease))
        return true;
    refuse(answer, 400, "Invalid lease");
    return false;
}

/*  ----------------------------------------------------------------- sub-protocols  */

/*  The ones that we speak; a peer that offers none speaks JSON.  */
static const struct {
    const char *name;
    bool json;
} sub_protocols[] = {{"waybill.v1", false}, {"waybill.v1.json", true}};

static bool
is_named(const char *name, const char *text, size_t size)
{
    return strlen(name) == size && strncmp(text, name, size) == 0;
}

/*  The first offered one that we know, as our WebSocket library picks it.  */
static const char *
pick(const char *offered, bool *json)
{
    *json = true;
    while (offered && *offered) {
        offered += strspn(offered, " ,");
        const size_t size = strcspn(offered, " ,");
        for (size_t i = 0; i < COUNT_OF(sub_protocols); i++) {
            if (!is_named(sub_protocols[i].name, offered, size))
                continue;
            *json = sub_protocols[i].json;
            return sub_protocols[i].name;
        }
        offered += size;
    }
    return NULL;
}

bool
upgrade_allows(const char *origins, const char *origin)
{
    if (origin == NULL || origin[0] == '\0' || origins[strspn(origins, " ")] == '\0')
        return true;
    while (*origins) {
        origins += strspn(origins, " ");
        const size_t size = strcspn(origins, " ");
        if (size == strlen(origin) && strncmp(origins, origin, size) == 0)
            return true;
        origins += size;
    }
    return false;
}

/*  ------------------------------------------------------------------------ routes  */

static void
answer_sync(const net_upgrade_t *upgrade, visitor_t *visitor, net_answer_t *answer)
{
    if (!upgrade->upgrade) {
        refuse(answer, 426, "Upgrade Required: this is a WebSocket");
        return;
    }
    if (!read_client_id(upgrade->query, visitor, answer)
        || !read_position(upgrade->query, visitor, answer)
        || !read_epoch(upgrade->query, visitor, answer)
        || !read_lease(upgrade->query, visitor, answer))
        return;
    *answer = (net_answer_t){
        .status = 101,
        .protocol = pick(upgrade->protocol, &visitor->json),
    };
}

/*  What may be asked for, and how; a page, or the WebSocket.  */
static const struct {
    const char *path;
    const char *methods;
    page_t page;
} routes[] = {
    {"/api/sync", "GET", PAGE_NONE},
    {"/api/sync/ws", "GET", PAGE_NONE},
    {"/healthz", "GET HEAD", PAGE_HEALTH},
    {"/api/health", "GET HEAD", PAGE_HEALTH},
    {"/api/replication/init", "GET HEAD POST", PAGE_INIT},
    {"/api/replication/lsn", "GET HEAD", PAGE_LSN},
    {"/api/replication/status", "GET HEAD", PAGE_STATUS},
    {"/api/replication/clients", "GET HEAD", PAGE_CLIENTS},
    {"/metrics", "GET HEAD", PAGE_METRICS},
};

void
upgrade_judge(const net_upgrade_t *upgrade, visitor_t *visitor, net_answer_t *answer)
{
    size_t i = 0;
    while (i < COUNT_OF(routes) && strcmp(routes[i].path, upgrade->path) != 0)
        i++;
    if (i == COUNT_OF(routes)) {
        refuse(answer, 404, "Not Found");
        return;
    }
    visitor->page = routes[i].page;
    if (strstr(routes[i].methods, upgrade->method) == NULL)
        refuse(answer, 405, "Method Not Allowed");
    else if (visitor->page == PAGE_NONE)
        answer_sync(upgrade, visitor, answer);
    else
        *answer = (net_answer_t){.status = 200};
}
