/*  Rows, their versions, and what the rules say of them: before a wave is decided, and again
    after it was written where nobody can be sure.  */

#include "actors/server/postgres/judge_parts.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_KEYS = 32 };

/*  Which rows of one table are asked about.  */
typedef struct asked {
    pg_array_t numbers, keys, users, values[MOST_KEYS];
} asked_t;

static void
release(asked_t *self)
{
    pg_array_release(&self->numbers);
    pg_array_release(&self->keys);
    pg_array_release(&self->users);
    for (size_t i = 0; i < MOST_KEYS; i++)
        pg_array_release(&self->values[i]);
}

/*  Bytes as PostgreSQL writes them inside of an array.  */
static const char *
value_text_of(const pg_parameter_t *value, arena_t *arena)
{
    static const char digits[] = "0123456789abcdef";
    if (!value->binary)
        return value->text;
    char *text = arena_new(arena, (size_t) value->length * 2 + 3);
    char *at = text;
    *at++ = '\\';
    *at++ = 'x';
    for (int i = 0; i < value->length; i++) {
        const uint8_t byte = (uint8_t) value->text[i];
        *at++ = digits[byte >> 4];
        *at++ = digits[byte & 15];
    }
    return text;
}

static void
add(asked_t *self, const judge_batch_t *batch, size_t number)
{
    const judge_case_t *one = &batch->cases[number];
    pg_array_add_number(&self->numbers, (int64_t) number);
    pg_array_add_text(&self->keys, one->key);
    pg_array_add_text(&self->users, one->item->user);
    for (size_t i = 0; i < one->table->pg->n_keys; i++)
        pg_array_add_text(&self->values[i], value_text_of(&one->key_values[i], batch->arena));
}

static err_t
send(judge_batch_t *self, const model_table_t *table, asked_t *asked, bool plain,
     fault_t *fault)
{
    pg_parameter_t parameters[MOST_KEYS + 3] = {0};
    pg_array_t *arrays[MOST_KEYS + 3] = {&asked->numbers, &asked->keys, &asked->users};
    const size_t n = table->pg->n_keys + 3;
    for (size_t i = 3; i < n; i++)
        arrays[i] = &asked->values[i - 3];
    for (size_t i = 0; i < n; i++)
        parameters[i].text = pg_array_text(arrays[i]);
    return pg_send_values(self->pg, plain ? table->plain : table->look, parameters, n, fault);
}

/*  ------------------------------------------------------------------------------ answers  */

static bool
is_true(const PGresult *result, int row, int place)
{
    return pg_text_at(result, row, place)[0] == 't';
}

static void
take_version(judge_batch_t *self, judge_case_t *one, const PGresult *result, int row)
{
    one->version = (version_t){0};
    if (PQgetisnull(result, row, LOOK_UPDATED_AT))
        return;
    one->version = (version_t){
        .known = true,
        .updated_at = pg_number_at(result, row, LOOK_UPDATED_AT),
        .client_id = arena_text(self->arena, pg_text_at(result, row, LOOK_CLIENT)),
        .lsn = (uint64_t) pg_number_at(result, row, LOOK_LSN),
        .deleted = is_true(result, row, LOOK_DELETED),
    };
    one->version_xid = (uint64_t) pg_number_at(result, row, LOOK_XID);
}

static void
take_round(judge_case_t *one, const PGresult *result, int row)
{
    one->round = (version_t){0};
    if (PQgetisnull(result, row, LOOK_ROUND))
        return;
    one->round = (version_t){
        .known = true,
        .updated_at = pg_number_at(result, row, LOOK_ROUND),
        .client_id = "",
        .lsn = (uint64_t) pg_number_at(result, row, LOOK_ROUND_LSN),
    };
}

static bool
is_written_so(pg_shape_t shape, const pg_parameter_t *sent, const char *written, arena_t *arena)
{
    const char *text = value_text_of(sent, arena);
    if (shape == SHAPE_BOOLEAN)
        return strcmp(text, written[0] == 't' ? "1" : "0") == 0;
    return strcmp(text, written) == 0
           || (shape == SHAPE_REAL && strtod(text, NULL) == strtod(written, NULL));
}

/*  Another text for the same key would be another key on every replica.  */
static void
take_canonical(judge_batch_t *self, judge_case_t *one, const PGresult *result, int row)
{
    one->canonical = NULL;
    for (size_t i = 0; i < one->table->pg->n_keys; i++) {
        const char *written = pg_text_at(result, row, LOOK_KEYS + (int) i);
        if (!is_written_so(one->table->keys[i]->shape, &one->key_values[i], written,
                           self->arena))
            one->canonical = arena_text(self->arena, written);
    }
}

static judge_case_t *
case_of(judge_batch_t *self, const PGresult *result, int row)
{
    const size_t number = (size_t) pg_number_at(result, row, LOOK_NUMBER);
    return number < self->n_cases ? &self->cases[number] : NULL;
}

static err_t
take_row(judge_batch_t *self, const judge_case_t *one, model_look_t look, bytes_t *packed,
         fault_t *fault)
{
    *packed = (bytes_t){0};
    if (PQgetisnull(look.result, look.row, LOOK_XMIN))
        return OK;
    look.place = model_look_columns(one->table);
    return model_row(one->table, &look, self->arena, packed, fault);
}

static err_t
take_before(judge_batch_t *self, const PGresult *result, size_t about, fault_t *fault)
{
    err_t err = OK;
    (void) about;
    for (int row = 0; err == OK && row < PQntuples(result); row++) {
        judge_case_t *one = case_of(self, result, row);
        if (one == NULL)
            continue;
        err = take_row(self, one, (model_look_t){result, row, 0}, &one->row, fault);
        one->alike = one->row.size > 0 && !judge_has_key(one, one->row);
        if (one->alike)
            one->row = (bytes_t){0};
        one->found = one->row.size > 0;
        one->xmin = (uint64_t) pg_number_at(result, row, LOOK_XMIN);
        one->readable = is_true(result, row, LOOK_READ);
        one->writable = is_true(result, row, LOOK_WRITE);
        one->triggered = is_true(result, row, LOOK_TRIGGERS);
        take_version(self, one, result, row);
        take_round(one, result, row);
        take_canonical(self, one, result, row);
    }
    return err;
}

static err_t
take_after(judge_batch_t *self, const PGresult *result, size_t about, fault_t *fault)
{
    err_t err = OK;
    (void) about;
    for (int row = 0; err == OK && row < PQntuples(result); row++) {
        judge_case_t *one = case_of(self, result, row);
        if (one == NULL)
            continue;
        err = take_row(self, one, (model_look_t){result, row, 0}, &one->after, fault);
        one->after_readable = is_true(result, row, LOOK_READ);
        one->after_writable = is_true(result, row, LOOK_WRITE);
        one->complaint = PQgetisnull(result, row, LOOK_CHECK)
                             ? NULL
                             : arena_text(self->arena, pg_text_at(result, row, LOOK_CHECK));
    }
    return err;
}

/*  ------------------------------------------------------------------------------ columns  */

static err_t
take_columns(judge_batch_t *self, const PGresult *result, size_t about, fault_t *fault)
{
    (void) about;
    (void) fault;
    for (int row = 0; row < PQntuples(result); row++) {
        judge_case_t *one = case_of(self, result, row);
        if (one == NULL)
            continue;
        if (one->n_columns == one->columns_room) {
            const size_t room = one->columns_room > 0 ? one->columns_room * 2 : 8;
            column_version_t *columns = arena_new(self->arena, room * sizeof *columns);
            if (one->n_columns > 0)
                memcpy(columns, one->columns, one->n_columns * sizeof *columns);
            one->columns = columns;
            one->columns_room = room;
        }
        one->columns[one->n_columns++] = (column_version_t){
            .name = arena_text(self->arena, pg_text_at(result, row, 1)),
            .updated_at = pg_number_at(result, row, 2),
            .client_id = arena_text(self->arena, pg_text_at(result, row, 3)),
        };
    }
    return OK;
}

static err_t
send_columns(judge_batch_t *self, const model_table_t *table, asked_t *asked, fault_t *fault)
{
    static const char sql[] =
        "SELECT asked.number, col, updated_at, client_id FROM waybill.columns"
        " JOIN unnest($1::integer[], $2::text[]) AS asked (number, key) USING (key)"
        " WHERE tbl = $3";
    const err_t err =
        pg_send(self->pg, sql, fault, "aat", &asked->numbers, &asked->keys, table->pg->name);
    if (err == OK)
        judge_expect(self, take_columns, JUDGE_NOBODY);
    return err;
}

/*  ------------------------------------------------------------------------------ sending  */

static size_t
next_of_table(const judge_batch_t *self, size_t from, const model_table_t *table,
              bool (*wanted)(const judge_case_t *))
{
    while (from < self->wave_end
           && (self->cases[from].table != table || !wanted(&self->cases[from])))
        from++;
    return from;
}

/*  Is it the first of its table?  */
static bool
begins_table(const judge_batch_t *self, size_t number, bool (*wanted)(const judge_case_t *))
{
    const judge_case_t *one = &self->cases[number];
    return one->table != NULL && wanted(one)
           && next_of_table(self, self->wave, one->table, wanted) == number;
}

static err_t
ask_table(judge_batch_t *self, size_t first, bool (*wanted)(const judge_case_t *),
          judge_take_fn *take, fault_t *fault)
{
    asked_t asked = {0};
    const model_table_t *table = self->cases[first].table;
    size_t n = 0;
    for (size_t i = first; i < self->wave_end; i = next_of_table(self, i + 1, table, wanted)) {
        add(&asked, self, i);
        n++;
    }
    err_t err = send(self, table, &asked, self->cases[first].undecidable, fault);
    if (err == OK)
        judge_expect(self, take, n == 1 ? first : JUDGE_NOBODY);
    if (err == OK && take == take_before && table->policy == POLICY_COLUMN)
        err = send_columns(self, table, &asked, fault);
    release(&asked);
    return err;
}

static bool
any(const judge_case_t *one)
{
    (void) one;
    return true;
}

/*  Each alone, so that it is known which of them fails.  */
static err_t
ask_each(judge_batch_t *self, bool (*wanted)(const judge_case_t *), judge_take_fn *take,
         fault_t *fault)
{
    const size_t begin = self->wave;
    const size_t end = self->wave_end;
    err_t err = OK;
    for (size_t i = self->wave; err == OK && i < end; i++) {
        self->wave = i;
        self->wave_end = i + 1;
        if (begins_table(self, i, wanted))
            err = ask_table(self, i, wanted, take, fault);
    }
    self->wave = begin;
    self->wave_end = end;
    return err;
}

static err_t
ask_all(judge_batch_t *self, bool (*wanted)(const judge_case_t *), judge_take_fn *take,
        fault_t *fault)
{
    err_t err = OK;
    if (self->careful)
        return ask_each(self, wanted, take, fault);
    for (size_t i = self->wave; err == OK && i < self->wave_end; i++)
        if (begins_table(self, i, wanted))
            err = ask_table(self, i, wanted, take, fault);
    return err;
}

err_t
judge_load_send(judge_batch_t *self, fault_t *fault)
{
    return ask_all(self, any, take_before, fault);
}

err_t
judge_look_send(judge_batch_t *self, bool (*wanted)(const judge_case_t *), fault_t *fault)
{
    return ask_all(self, wanted, take_after, fault);
}
