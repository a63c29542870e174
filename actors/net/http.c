#include "actors/net/http.h"

#include <ctype.h>
#include <libwebsockets.h>
#include <string.h>

enum {
    PATH_ROOM = 1024,
    QUERY_ROOM = 2048,
    HEADER_ROOM = 256,
    TOKEN_ROOM = 4096, /* tokens are long */
    PEER_ROOM = 64,
    CODED = 3,
};

typedef struct request {
    char path[PATH_ROOM];
    char query[QUERY_ROOM];
    char protocol[HEADER_ROOM];
    char origin[HEADER_ROOM];
    char host[HEADER_ROOM];
    char authorization[TOKEN_ROOM];
    char peer[PEER_ROOM];
} request_t;

static const char *const methods[] = {
    [LWSHUMETH_GET] = "GET",         [LWSHUMETH_POST] = "POST",
    [LWSHUMETH_OPTIONS] = "OPTIONS", [LWSHUMETH_PUT] = "PUT",
    [LWSHUMETH_PATCH] = "PATCH",     [LWSHUMETH_DELETE] = "DELETE",
    [LWSHUMETH_CONNECT] = "CONNECT", [LWSHUMETH_HEAD] = "HEAD",
};

/*  The statuses that have a name here; others go out with a bare number.  */
static const struct {
    int status;
    const char *text;
} phrases[] = {
    {200, "OK"},
    {204, "No Content"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {414, "URI Too Long"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
};

/*  ----------------------------------------------------------------------- request  */

static bool
copy_header(struct lws *socket, enum lws_token_indexes header, char *out, size_t room)
{
    out[0] = '\0';
    int size = lws_hdr_total_length(socket, header);
    return size == 0 || lws_hdr_copy(socket, out, (int) room, header) >= 0;
}

static bool
is_plain(char c)
{
    return isalnum((unsigned char) c) || strchr("-._~=:/,@!$'()*;", c) != NULL;
}

/*  libwebsockets hands out the query decoded and cut at '&': it is put together again.  */
static bool
add_coded(char *out, size_t room, size_t *size, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*size + CODED + 1 >= room)
            return false;
        if (is_plain(*text))
            out[(*size)++] = *text;
        else
            *size += (size_t) snprintf(out + *size, room - *size, "%%%02X",
                                       (unsigned) (unsigned char) *text);
    }
    out[*size] = '\0';
    return true;
}

static bool
copy_query(struct lws *socket, char *out, size_t room)
{
    size_t size = 0;
    out[0] = '\0';
    for (int i = 0; lws_hdr_fragment_length(socket, WSI_TOKEN_HTTP_URI_ARGS, i) > 0; i++) {
        char part[QUERY_ROOM];
        int got = lws_hdr_copy_fragment(socket, part, sizeof(part), WSI_TOKEN_HTTP_URI_ARGS, i);
        if (got < 0 || size + 1 >= room)
            return false;
        if (i > 0)
            out[size++] = '&';
        if (!add_coded(out, room, &size, part))
            return false;
    }
    return true;
}

static bool
read_request(struct lws *socket, request_t *request, net_upgrade_t *upgrade)
{
    char *path = NULL;
    int path_size = 0;
    int method = lws_http_get_uri_and_method(socket, &path, &path_size);
    if (method < 0 || method >= (int) COUNT_OF(methods) || path_size >= PATH_ROOM)
        return false;
    memcpy(request->path, path, (size_t) path_size);
    request->path[path_size] = '\0';
    lws_get_peer_simple(socket, request->peer, sizeof(request->peer));

    upgrade->method = methods[method];
    upgrade->path = request->path;
    upgrade->query = request->query;
    upgrade->protocol = request->protocol;
    upgrade->origin = request->origin;
    upgrade->host = request->host;
    upgrade->peer = request->peer;
    upgrade->authorization = request->authorization;
    return copy_query(socket, request->query, sizeof(request->query))
           && copy_header(socket, WSI_TOKEN_PROTOCOL, request->protocol, HEADER_ROOM)
           && copy_header(socket, WSI_TOKEN_ORIGIN, request->origin, HEADER_ROOM)
           && copy_header(socket, WSI_TOKEN_HOST, request->host, HEADER_ROOM)
           && copy_header(socket, WSI_TOKEN_HTTP_AUTHORIZATION, request->authorization,
                          TOKEN_ROOM);
}

void
http_ask(struct lws *socket, const net_sink_t *sink, conn_t conn, net_answer_t *answer)
{
    request_t request = {.path = ""};
    net_upgrade_t question = {.upgrade = conn == 0, .conn = conn};
    *answer =
        (net_answer_t){.status = 400, .body = "The request line or a header is too long\n"};
    if (read_request(socket, &request, &question)) {
        *answer = (net_answer_t){.status = 0};
        sink->upgrade(sink->host, &question, answer);
    }
    explicit_bzero(request.authorization, sizeof(request.authorization));
    explicit_bzero(request.query, sizeof(request.query));
    const bool later = answer->status == NET_LATER && conn != 0;
    if (!later && (answer->status < 100 || answer->status > 599))
        *answer = (net_answer_t){.status = 500, .body = "No answer\n"};
}

/*  ------------------------------------------------------------------------ answer  */

static const char *
phrase_of(int status)
{
    for (size_t i = 0; i < COUNT_OF(phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].text;
    return "";
}

void
http_pack(struct lws *socket, const net_answer_t *answer, buffer_t *out)
{
    const char *body = answer->body != NULL ? answer->body : "";
    static const uint8_t room_before[LWS_PRE];
    buffer_add(out, room_before, sizeof(room_before));
    buffer_add_format(out,
                      "HTTP/1.1 %d %s\r\n"
                      "%s%s"
                      "Content-Type: %s\r\n"
                      "Content-Length: %zu\r\n"
                      "Connection: close\r\n"
                      "\r\n",
                      answer->status, phrase_of(answer->status),
                      answer->status == 426 ? "Upgrade: websocket\r\n" : "",
                      answer->headers != NULL ? answer->headers : "",
                      answer->type != NULL ? answer->type : "text/plain; charset=utf-8",
                      strlen(body));
    if (lws_hdr_total_length(socket, WSI_TOKEN_HEAD_URI) == 0)
        buffer_add_text(out, body);
}

/*  The library keeps what the system does not take, and closes when that is gone too. A peer
    that is gone already misses its answer; the socket is closed either way.  */
void
http_send(struct lws *socket, buffer_t *packed)
{
    (void) lws_write(socket, packed->data + LWS_PRE, packed->size - LWS_PRE,
                     LWS_WRITE_HTTP_FINAL);
}

void
http_answer(struct lws *socket, const net_answer_t *answer)
{
    buffer_t out = {0};
    http_pack(socket, answer, &out);
    http_send(socket, &out);
    buffer_release(&out);
}
