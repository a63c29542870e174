/*  A recording that somebody gives to replay: whatever is in it, it is read and replayed, or
    refused. The sum at its end is put right, so that what is wrong inside is come by.  */

#include "runtime/replay_private.h"
#include "runtime/tape_private.h"
#include "schemas/pack.h"

#include <string.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by that name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static err_t
start(void *state, ctx_t *ctx)
{
    (void) state;
    ctx_log(ctx, LOG_info, "started");
    ctx_after(ctx, 1, 10);
    return OK;
}

static err_t
on_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    (void) state;
    ctx_after(ctx, timer, 10);
    return OK;
}

static err_t
on_ping(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) body;
    REPLY(ctx, pong, .number = 1);
    return OK;
}

static handler_fn *const handlers[MSG_COUNT] = {[MSG_ping] = on_ping};
static const actor_class_t class = {
    .name = "fuzzed", .handlers = handlers, .start = start, .on_timer = on_timer};

static void
own_state(buffer_t *state)
{
    replay_t nobody = {0};
    cell_host_t host = replay_host;
    host.transport.self = &nobody;
    cell_t *cell = cell_new(&class, &host, &(cell_limits_t){.attempts = 1}, NULL, 1);
    cell_pack_state(cell, state);
    cell_destroy(&cell);
}

static void
add_head(buffer_t *out, bytes_t state)
{
    buffer_add(out, TAPE_MAGIC, TAPE_MAGIC_SIZE);
    pack_list(out, TAPE_HEAD_VALUES);
    pack_uint(out, TAPE_VERSION);
    pack_blob(out, tape_text("fuzzed"));
    pack_blob(out, tape_text("0"));
    pack_uint(out, tape_schemas());
    pack_blob(out, tape_text(""));
    pack_blob(out, state);
}

static size_t
count_values(bytes_t bytes)
{
    cursor_t cursor = cursor_of(bytes);
    size_t n = 0;
    while (cursor_left(&cursor) > 0 && cursor_skip(&cursor, 1))
        n++;
    return n;
}

static void
add_end(buffer_t *out, size_t events)
{
    uint64_t sum = tape_sum(TAPE_SUM_BEGIN, buffer_bytes(out));
    pack_list(out, 3);
    pack_uint(out, TAPE_end);
    pack_list(out, 2);
    pack_uint(out, events);
    pack_uint(out, sum);
    pack_list(out, 0);
}

static void
replay(buffer_t *file)
{
    tape_reader_t *tape = NULL;
    replay_result_t result = {0};
    fault_t fault;
    if (tape_open_bytes(file->data, file->size, &tape, &fault) != OK)
        return;
    (void) replay_run(tape, &class, NULL, &result, &fault);
    replay_result_release(&result);
    tape_reader_destroy(&tape);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    buffer_t file = {0}, own = {0};
    size_t state = size > 2 ? (size_t) data[0] << 8 | data[1] : 0;
    size_t rest = size > 2 ? size - 2 : 0;
    state = state < rest ? state : rest;
    own_state(&own); /* one that is right, unless the input brings its own */
    add_head(&file, state > 0 ? (bytes_t){data + 2, state} : buffer_bytes(&own));
    buffer_release(&own);
    bytes_t events = {data + 2 + state, rest - state};
    buffer_add(&file, events.data, events.size);
    add_end(&file, count_values(events));
    replay(&file);
    return 0;
}
