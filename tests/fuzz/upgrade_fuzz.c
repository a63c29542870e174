/*  upgrade_fuzz - what a stranger asks for before it is let in. The first byte picks where the
    bytes stand: in the query, in the authorization, or in the origin.  */

#include "actors/server/upgrade.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by that name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
judge(const net_upgrade_t *upgrade)
{
    visitor_t visitor = {0};
    net_answer_t answer = {0};
    char token[TOKEN_MAX + 1];
    if (upgrade_token(upgrade, token))
        assert(strlen(token) <= TOKEN_MAX);
    upgrade_judge(upgrade, &visitor, &answer);
    assert(answer.status >= 100 && answer.status <= 599);
    if (answer.status == 101)
        assert(visitor.client_id[0] != '\0' && strlen(visitor.client_id) <= CLIENT_ID_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char origins[] = "https://good.example http://localhost:3000";
    if (size == 0)
        return 0;
    char *text = mem_new(size);
    memcpy(text, data + 1, size - 1);
    const bool in_query = data[0] % 3 == 0;
    const net_upgrade_t upgrade = {
        .upgrade = true,
        .method = "GET",
        .path = "/api/sync",
        .query = in_query ? text : "clientId=a",
        .protocol = data[0] % 3 == 2 ? text : "",
        .origin = "",
        .authorization = data[0] % 3 == 1 ? text : "",
        .peer = "",
    };
    judge(&upgrade);
    if (upgrade_allows(origins, text))
        assert(text[0] == '\0' || strstr(origins, text) != NULL);
    free(text);
    return 0;
}
