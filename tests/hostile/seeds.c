/*  hostile_seeds - writes rows of client_rows.h as seeds for a fuzzer: hostile_seeds NAME DIR.
 */

#include "tests/hostile/client_rows.h"

#include <stdio.h>
#include <string.h>

/*  Which rows a fuzzer can read, and the byte that it wants in front.  */
static const struct {
    const char *fuzzer;
    client_kind_t kind;
    uint8_t first;
} uses[] = {
    {"wire", BINARY, 0},
    {"wire", JSON, 1},
    {"upgrade", QUERY, 0},
};

static bool
write_seed(const client_row_t *row, uint8_t first, const char *dir, size_t number)
{
    enum { LARGEST = 8192 };
    char path[4096];
    buffer_t bytes = {0};
    (void) snprintf(path, sizeof path, "%s/hostile-%zu", dir, number);
    client_row_fill(row, &bytes);
    FILE *out = bytes.size <= LARGEST ? fopen(path, "w") : NULL;
    bool good = bytes.size > LARGEST;
    if (out)
        good = fputc(first, out) != EOF
               && (bytes.size == 0 || fwrite(bytes.data, bytes.size, 1, out) == 1);
    if (out && fclose(out) != 0)
        good = false;
    buffer_release(&bytes);
    return good;
}

int
main(int argc, char **argv)
{
    bool good = argc == 3;
    for (size_t use = 0; good && use < COUNT_OF(uses); use++)
        for (size_t i = 0; good && i < COUNT_OF(client_rows); i++)
            if (strcmp(uses[use].fuzzer, argv[1]) == 0 && client_rows[i].kind == uses[use].kind)
                good = write_seed(&client_rows[i], uses[use].first, argv[2], i);
    if (!good)
        fputs("hostile_seeds: usage: hostile_seeds NAME DIR, which must be writable\n", stderr);
    return good ? 0 : 1;
}
