/*  door_fuzz - what a stranger shows at the monitor page: the first byte picks where the bytes
    stand, in the Host, the Origin, the authorization or the query.  */

#include "actors/common/monitor/door.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "0123456789abcdef"

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by that name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
judge(const net_upgrade_t *upgrade)
{
    door_t door = {.host = "pi.local", .outside = true};
    net_answer_t answer = {0};
    buffer_add_text(&door.token, SECRET);
    if (!door_knows_origin(&door, upgrade, &answer))
        assert(answer.status == 403);
    answer = (net_answer_t){0};
    if (!door_knows_token(&door, upgrade, &answer))
        assert(answer.status == 401 && strstr(answer.body, SECRET) == NULL);
    door_close(&door);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *texts[] = {"localhost:1", "http://localhost:1", "", ("token=" SECRET)};
    if (size == 0)
        return 0;
    char *text = mem_new(size);
    memcpy(text, data + 1, size - 1);
    texts[data[0] % COUNT_OF(texts)] = text;
    judge(&(net_upgrade_t){
        .host = texts[0], .origin = texts[1], .authorization = texts[2], .query = texts[3]});
    free(text);
    return 0;
}
