/*  pgoutput_fuzz - what comes out of a write-ahead log: messages of pgoutput, and the labels
   that anybody may write into one. What is read can be walked to its end, inside of the bytes.
 */

#include "actors/server/postgres/labels.h"
#include "actors/server/postgres/pgoutput.h"
#include "actors/server/postgres/table_rows.h"

#include <assert.h>
#include <string.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by that name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
walk_tuple(bytes_t bytes, const pgoutput_tuple_t *tuple)
{
    assert(tuple->n <= PGOUTPUT_COLUMNS);
    for (size_t i = 0; i < tuple->n; i++) {
        const bytes_t text = tuple->values[i].text;
        if (tuple->values[i].kind == 't')
            assert(text.data >= bytes.data && text.size <= bytes.size
                   && text.data + text.size <= bytes.data + bytes.size);
        else
            assert(text.size == 0);
    }
}

static void
walk(bytes_t bytes, const pgoutput_message_t *message)
{
    assert(message->kind < PGOUTPUT_KINDS);
    for (size_t i = 0; i < message->n_columns; i++)
        assert(strlen(message->columns[i].name) > 0);
    for (size_t i = 0; i < message->n_relations; i++)
        assert(message->relations[i] <= UINT32_MAX);
    walk_tuple(bytes, &message->old);
    walk_tuple(bytes, &message->fresh);
}

static void
read_row(bytes_t bytes, arena_t *arena)
{
    fault_t fault = {0};
    table_row_t row = {0};
    if (table_row_read(bytes, arena, &row, &fault) != OK) {
        assert(fault.err == ERR_PROTOCOL);
        return;
    }
    size_t size = strlen(row.table);
    for (size_t i = 0; i < row.n; i++)
        size += strlen(row.columns[i]) + row.values[i].text.size;
    assert(size < bytes.size && row.n <= PGOUTPUT_COLUMNS);
}

static void
unpack(bytes_t bytes, arena_t *arena)
{
    fault_t fault = {0};
    label_t *labels = NULL;
    size_t n = 0;
    if (labels_unpack(bytes, arena, &labels, &n, &fault) != OK) {
        assert(fault.err == ERR_PROTOCOL);
        return;
    }
    for (size_t i = 0; i < n; i++)
        assert(strlen(labels[i].table) + strlen(labels[i].change_id) <= bytes.size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pgoutput_message_t message;
    arena_t arena = {0};
    fault_t fault = {0};
    const bytes_t bytes = {data, size};
    if (pgoutput_read(bytes, &arena, &message, &fault) != OK)
        assert(fault.err == ERR_PROTOCOL && fault.text[0] != '\0');
    else
        walk(bytes, &message);
    if (message.kind == PGOUTPUT_MESSAGE)
        unpack(message.content, &arena);
    unpack(bytes, &arena);
    read_row(bytes, &arena);
    arena_release(&arena);
    return 0;
}
