/*  history - turns the output of git log into transactions for `waybill apply`: one row a
    path, one transaction a commit.  */

#include "schemas/codec.h"
#include "schemas/row.h"
#include "schemas/text.h"
#include "tools/verbs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*  A commit larger than that becomes several transactions: agents refuse very large ones.  */
enum { TRANSACTION_CHANGES = 5000, TRANSACTION_BYTES = 400000 };

typedef struct history {
    uint64_t line;
    char *author;
    int64_t time_ms;
    arena_t arena; /* texts and rows of the entries */
    entry_t *entries;
    size_t n_entries, bytes;
    buffer_t row, json;
    uint64_t commits, transactions, changes;
} history_t;

/*  One line of `--raw`, without its colon.  */
typedef struct raw_line {
    char mode[8], blob[72], action;
    const char *path; /* as git wrote it */
} raw_line_t;

static const struct escape {
    char letter, byte;
} escapes[] = {
    {'a', '\a'}, {'b', '\b'}, {'f', '\f'}, {'n', '\n'},  {'r', '\r'},
    {'t', '\t'}, {'v', '\v'}, {'"', '"'},  {'\\', '\\'},
};

/*  One character of a C string after its backslash; moves *at behind it.  */
static bool
unescape(const char **at, char *byte)
{
    const char *in = *at;
    for (size_t i = 0; i < COUNT_OF(escapes); i++) {
        if (escapes[i].letter == *in) {
            *byte = escapes[i].byte;
            *at = in + 1;
            return true;
        }
    }
    if (strspn(in, "01234567") < 3)
        return false;
    *byte = (char) ((in[0] - '0') << 6 | (in[1] - '0') << 3 | (in[2] - '0'));
    *at = in + 3;
    return true;
}

static bool
is_clean(const char *text)
{
    return text_is_clean((bytes_t){(const uint8_t *) text, strlen(text)});
}

/*  The path that git may have quoted. One that is not UTF-8 stays quoted: still unique, and
    still a text. NULL: no such quoting.  */
static const char *
read_path(arena_t *arena, const char *text)
{
    size_t size = strlen(text);
    if (text[0] != '"')
        return is_clean(text) ? arena_text(arena, text) : NULL;
    if (size < 3 || text[size - 1] != '"')
        return NULL;

    char *path = arena_new(arena, size), *to = path;
    for (const char *at = text + 1; at < text + size - 1;) {
        if (*at != '\\')
            *to++ = *at++;
        else if (at++, !unescape(&at, to++))
            return NULL;
    }
    return is_clean(path) ? path : arena_text(arena, text);
}

static bytes_t
make_row(history_t *self, const raw_line_t *raw, const char *path)
{
    buffer_t *row = &self->row;
    buffer_clear(row);
    row_begin(row, 6);
    row_add_text(row, "id", path);
    row_add_text(row, "path", path);
    row_add_text(row, "blob", raw->blob);
    row_add_text(row, "mode", raw->mode);
    row_add_text(row, "author", self->author);
    row_add_name(row, "updated_at");
    row_add(row, &(value_t){.kind = VALUE_INTEGER, .integer = self->time_ms});
    return arena_bytes(&self->arena, buffer_bytes(row));
}

/*  What was gathered goes out as one transaction.  */
static void
flush(history_t *self)
{
    if (self->n_entries > 0) {
        write_t write = {.changes = self->entries, .n_changes = self->n_entries};
        buffer_clear(&self->json);
        message_to_json(MSG_write, &write, false, &self->json);
        puts(buffer_text(&self->json));
        self->transactions++;
        self->changes += self->n_entries;
    }
    self->n_entries = self->bytes = 0;
    arena_clear(&self->arena);
}

static const char *
operation_of(char action)
{
    switch (action) {
    case 'A':
        return "insert";
    case 'M':
    case 'T':
        return "update";
    case 'D':
        return "delete";
    }
    return NULL;
}

static bool
take_path(history_t *self, const raw_line_t *raw)
{
    const char *operation = operation_of(raw->action);
    if (self->n_entries == TRANSACTION_CHANGES || self->bytes > TRANSACTION_BYTES)
        flush(self);
    const char *path = read_path(&self->arena, raw->path);
    if (!operation || !path || !self->author)
        return false;

    entry_t *entry = &self->entries[self->n_entries++];
    *entry = (entry_t){.table = "files", .operation = operation, .id = path};
    if (raw->action != 'D')
        entry->data = make_row(self, raw, path);
    self->bytes += entry->data.size + strlen(path);
    return true;
}

/*  ":100644 100644 BLOB BLOB M\tPATH"  */
static bool
read_raw(history_t *self, const char *line)
{
    raw_line_t raw = {0};
    int end = 0;
    int n = sscanf(line, ":%*6s %7s %*71s %71s %c\t%n", raw.mode, raw.blob, &raw.action, &end);
    if (n != 3 || end == 0 || line[end] == '\0')
        return false;
    raw.path = line + end;
    return take_path(self, &raw);
}

/*  "commit HASH SECONDS AUTHOR"  */
static bool
read_commit(history_t *self, const char *line)
{
    const char *space = strncmp(line, "commit ", 7) == 0 ? strchr(line + 7, ' ') : NULL;
    if (space == NULL)
        return false;
    char *end;
    errno = 0;
    const long long seconds = strtoll(space, &end, 10);
    if (errno != 0 || end == space || *end != ' ')
        return false;
    flush(self);
    free(self->author);
    self->author = mem_text(is_clean(end + 1) ? end + 1 : "?");
    self->time_ms = seconds * 1000;
    self->commits++;
    return true;
}

static bool
read_one(history_t *self, char *line)
{
    self->line++;
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '\0')
        return true;
    if (line[0] == ':' ? read_raw(self, line) : read_commit(self, line))
        return true;
    complain("line %" PRIu64 ": \"%.60s\" is neither a commit nor a changed path; make the log "
             "with the command that `waybill help history` shows",
             self->line, line);
    return false;
}

static int
convert(FILE *in)
{
    history_t self = {.entries = mem_new(TRANSACTION_CHANGES * sizeof(entry_t))};
    char *line = NULL;
    size_t room = 0;
    bool good = true;
    while (good && getline(&line, &room, in) >= 0)
        good = read_one(&self, line);
    if (good)
        flush(&self);
    fprintf(stderr, "%" PRIu64 " commits, %" PRIu64 " transactions, %" PRIu64 " changes\n",
            self.commits, self.transactions, self.changes);

    free(line);
    free(self.author);
    free(self.entries);
    buffer_release(&self.row);
    buffer_release(&self.json);
    arena_release(&self.arena);
    return good ? STATUS_DONE : STATUS_NO;
}

static int
history(args_t *args)
{
    int status;
    if (!options_read(args, &(option_rule_t){0}, 1, 1, &status))
        return status;
    const char *path = args->values[0];
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (!in) {
        complain("%s: %s; give the output of git log, or `-`", path, strerror(errno));
        return STATUS_USAGE;
    }
    status = convert(in);
    if (in != stdin)
        fclose(in);
    return status;
}

const verb_t verb_history = {
    .name = "history",
    .summary = "turn a git history into transactions for apply",
    .usage =
        "usage: waybill history LOG|-\n\n"
        "Reads the output of\n\n"
        "  git log --reverse --first-parent -m --raw --no-renames --no-abbrev \\\n"
        "      --format='commit %H %at %ae'\n\n"
        "and prints JSON Lines for `waybill apply`: each commit is a transaction on the "
        "table\n\n"
        "  CREATE TABLE files (id TEXT PRIMARY KEY, path TEXT, blob TEXT, mode TEXT,\n"
        "                      author TEXT, updated_at INTEGER)\n\n"
        "with one row a path, inserted, updated and deleted as the commit did. Very large\n"
        "commits become several transactions. Counts go to standard error.\n\n"
        "Exit status 1: a line is not of that format; the message names it.\n",
    .run = history,
};
