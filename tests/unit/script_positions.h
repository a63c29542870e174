/*  script_positions - the positions in scripts of json_script.h. 0/2000000N is that of a file
    that has had N transactions. On PostgreSQL it stands for whatever that is there, behind the
    transaction before and before the next: a verdict's position may be before that of its
    commit.  */

#pragma once

#include "tests/unit/server_sim.h"

enum { SCRIPT_POSITIONS = 10 };

/*  On PostgreSQL: what stands for those of the scripts.  */
static struct {
    uint64_t positions[SCRIPT_POSITIONS];
    size_t n;
} script_history;

static inline void
script_positions_begin(world_t *world)
{
    script_history.positions[0] = head_of(world);
    script_history.n = 1;
}

/*  As it stands in a script, perhaps within a URL; 0: it is none.  */
static inline size_t
script_position_size(const char *text)
{
    static const char *const begins[] = {"0/2000000", "0%2F2000000"};
    for (size_t i = 0; i < COUNT_OF(begins); i++)
        if (strncmp(text, begins[i], strlen(begins[i])) == 0)
            return strlen(begins[i]) + 1;
    return 0;
}

/*  Which one it is in a script.  */
static inline bool
is_script_position(const char *text, size_t *number)
{
    const size_t size = script_position_size(text);
    if (!on_postgres() || size == 0)
        return false;
    *number = (size_t) (text[size - 1] - '0');
    return *number < SCRIPT_POSITIONS;
}

/*  Reads from the server's history where its transactions stand.  */
static inline void
script_look(world_t *world)
{
    buffer_t rows = {0};
    if (!on_postgres())
        return;
    char *sql = mem_format("SELECT DISTINCT lsn FROM change_log WHERE lsn > %llu ORDER BY lsn",
                           (unsigned long long) script_history.positions[0]);
    backend_rows(&world->backend, sql, &rows);
    script_history.n = 1;
    for (char *at = (char *) buffer_text(&rows), *end = at;
         *at && script_history.n < SCRIPT_POSITIONS; at = end)
        script_history.positions[script_history.n++] = strtoull(at, &end, 10);
    buffer_release(&rows);
    free(sql);
}

static inline bool
matches_position(size_t number, const char *got)
{
    uint64_t lsn = 0;
    return got && number < script_history.n && lsn_parse(got, &lsn)
           && lsn >= script_history.positions[number > 0 ? number - 1 : 0]
           && (number + 1 >= script_history.n || lsn < script_history.positions[number + 1]);
}

/*  As the script has it, with positions of this server. To be freed.  */
static inline char *
script_translated(world_t *world, const char *text)
{
    buffer_t out = {0};
    script_look(world);
    while (*text) {
        char position[LSN_TEXT];
        size_t number = 0;
        if (!is_script_position(text, &number)) {
            buffer_add(&out, text++, 1);
            continue;
        }
        assert_true(number < script_history.n);
        buffer_add_text(&out, lsn_text(script_history.positions[number], position));
        text += script_position_size(text);
    }
    char *translated = mem_text(buffer_text(&out));
    buffer_release(&out);
    return translated;
}
