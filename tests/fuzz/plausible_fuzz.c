/*  plausible_fuzz - what plausible() lets through, the readers of rows and values can walk.  */

#include "schemas/codec.h"
#include "schemas/plausible.h"
#include "schemas/row.h"

#include <assert.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by that name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
walk(bytes_t row)
{
    bytes_t name;
    value_t value;
    buffer_t copy = {0};
    size_t n_columns = 0;
    row_reader_t reader = row_read(row);
    size_t claimed = reader.left;
    arena_t arena = {0};
    for (; row_next(&reader, &name, &value); n_columns++) {
        value_text(&value, &arena);
        row_add(&copy, &value);
    }
    assert(n_columns == claimed);
    arena_release(&arena);
    buffer_release(&copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t used;
    buffer_t json = {0};
    bytes_t bytes = {data, size};
    if (plausible(bytes, &used)) {
        assert(used > 0 && used <= size);
        err_t err = msgpack_to_json((bytes_t){data, used}, &json);
        assert(err == OK || json.size == 0);
    }
    if (row_check(bytes, NULL) == OK)
        walk(bytes);
    buffer_release(&json);
    return 0;
}
