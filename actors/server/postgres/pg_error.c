/*  PostgreSQL's errors as ours.  */

#include "actors/server/postgres/pg_private.h"

#include <ctype.h>
#include <string.h>

typedef struct meaning {
    const char *state; /* how the SQLSTATE begins */
    err_t err;
    const char *way_out; /* NULL: the database's words tell it */
} meaning_t;

/*  The first that fits; the last fits everything.  */
static const meaning_t meanings[] = {
    {"08P", ERR_STORAGE, "look whether something stands between it and the server"},
    {"08", ERR_OFFLINE, "look whether the database runs"},
    {"57014", ERR_TIMEOUT, "give it more time with postgres.statement_ms"},
    {"57P", ERR_OFFLINE, "wait until the database is up again"},
    {"53300", ERR_OFFLINE, "end other sessions, or raise max_connections"},
    {"25P03", ERR_OFFLINE, "raise idle_in_transaction_session_timeout"},
    {"53100", ERR_FULL, "free some space on the disk of the database"},
    {"53400", ERR_STORAGE, "raise the limit that it names"},
    {"25006", ERR_READONLY, "name the primary server, not a standby"},
    {"40", ERR_BUSY, "try again"},
    {"55P03", ERR_BUSY, "try again"},
    {"55006", ERR_BUSY, "wait until the other session is done with it, or end that"},
    {"26000", ERR_BUSY, "try again"},
    {"21", ERR_RULE_VIOLATION, NULL},
    {"22", ERR_INVALID_CHANGE, NULL},
    {"23", ERR_RULE_VIOLATION, NULL},
    {"27", ERR_RULE_VIOLATION, NULL},
    {"09", ERR_RULE_VIOLATION, NULL},
    {"2F", ERR_RULE_VIOLATION, NULL},
    {"38", ERR_RULE_VIOLATION, NULL},
    {"39", ERR_RULE_VIOLATION, NULL},
    {"44", ERR_RULE_VIOLATION, NULL},
    {"P0", ERR_RULE_VIOLATION, NULL},
    {"54", ERR_TOO_LARGE, NULL},
    {"28", ERR_CONFIG, "correct user and password in server.db, or pg_hba.conf"},
    {"3D", ERR_CONFIG, "correct the database in server.db"},
    {"428C9", ERR_INVALID_CHANGE, NULL},
    {"42501", ERR_CONFIG, "waybill server check tells how to grant it"},
    {"42", ERR_CONFIG, "waybill server check tells what is missing"},
    {"", ERR_STORAGE, "see the log of the database"},
};

/*  Whole rows, or the values of another one: a client may not read all of that.  */
static const char *const details_kept_back[] = {"23502", "23505", "23514", "23P01", "44000"};

static const meaning_t *
meaning_of(const char *state)
{
    const meaning_t *meaning = meanings;
    while (strncmp(state, meaning->state, strlen(meaning->state)) != 0)
        meaning++;
    return meaning;
}

static const char *
field_of(const PGresult *result, int field)
{
    const char *text = PQresultErrorField(result, field);
    return text != NULL ? text : "";
}

static const char *
detail_of(const PGresult *result, const char *state)
{
    for (size_t i = 0; i < COUNT_OF(details_kept_back); i++)
        if (strcmp(state, details_kept_back[i]) == 0)
            return "";
    return field_of(result, PG_DIAG_MESSAGE_DETAIL);
}

/*  A table was altered: what is prepared on it has results of another shape.  */
static bool
is_out_of_date(const PGresult *result, const char *state)
{
    return strcmp(state, "26000") == 0
           || strcmp(field_of(result, PG_DIAG_SOURCE_FUNCTION), "RevalidateCachedQuery") == 0;
}

/*  A trigger refuses, with whatever SQLSTATE it likes.  */
static bool
is_raised(const PGresult *result)
{
    return strcmp(field_of(result, PG_DIAG_SOURCE_FUNCTION), "exec_stmt_raise") == 0;
}

static err_t
tell(const PGresult *result, const char *doing, const meaning_t *meaning, fault_t *fault)
{
    const char *detail = detail_of(result, field_of(result, PG_DIAG_SQLSTATE));
    const char *hint = field_of(result, PG_DIAG_MESSAGE_HINT);
    return fault_set(fault, meaning->err, "%.100s: %.180s%s%.120s%s%s%.80s%s%s",
                     doing != NULL ? doing : "PostgreSQL",
                     field_of(result, PG_DIAG_MESSAGE_PRIMARY), detail[0] != '\0' ? " (" : "",
                     detail, detail[0] != '\0' ? ")" : "", hint[0] != '\0' ? ". " : "", hint,
                     meaning->way_out != NULL ? "; " : "",
                     meaning->way_out != NULL ? meaning->way_out : "");
}

/*  libpq adds guesses, on lines that are set in; ours are of this program.  */
static const char *
pass_guess(const char *words)
{
    while (words[0] == '\n' && words[1] == '\t')
        words += 1 + strcspn(words + 1, "\n");
    return words;
}

const char *
pg_connection_words(const PGconn *connection, char line[PG_WORDS])
{
    const char *words = PQerrorMessage(connection);
    size_t n = 0;
    for (words = pass_guess(words); *words != '\0' && n + 1 < PG_WORDS;
         words = pass_guess(words + 1))
        if (!isspace((unsigned char) *words))
            line[n++] = *words;
        else if (n > 0 && line[n - 1] != ' ')
            line[n++] = ' ';
    while (n > 0 && line[n - 1] == ' ')
        n--;
    line[n] = '\0';
    return line;
}

static err_t
error_of_connection(pg_t *self, const char *doing, fault_t *fault)
{
    if (doing == NULL)
        doing = "PostgreSQL";
    if (self->connection == NULL)
        return fault_set(fault, ERR_OFFLINE, "%s: not connected; wait until it is", doing);
    char line[PG_WORDS];
    const char *words = pg_connection_words(self->connection, line);
    if (PQstatus(self->connection) == CONNECTION_OK && !self->broken)
        return fault_set(fault, ERR_STORAGE, "%s: %s", doing, words);
    return fault_set(fault, ERR_OFFLINE, "%s: %s; wait until it is back", doing,
                     words[0] != '\0' ? words : "the connection is lost");
}

static err_t
error_of_state(pg_t *self, const PGresult *result, const char *doing, fault_t *fault)
{
    static const meaning_t again = {"", ERR_BUSY, "try again"};
    static const meaning_t refused = {"", ERR_RULE_VIOLATION, NULL};
    const char *state = field_of(result, PG_DIAG_SQLSTATE);
    const char *severity = field_of(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0)
        self->broken = true;
    const meaning_t *meaning = meaning_of(state);
    if ((meaning->err == ERR_CONFIG || meaning->err == ERR_STORAGE) && is_raised(result))
        meaning = &refused;
    if (!is_out_of_date(result, state))
        return tell(result, doing, meaning, fault);
    self->forget = true;
    return tell(result, doing, &again, fault);
}

err_t
pg_error(pg_t *self, const PGresult *result, const char *doing, fault_t *fault)
{
    switch (PQresultStatus(result)) {
    case PGRES_EMPTY_QUERY:
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_SINGLE_TUPLE:
    case PGRES_COPY_OUT:
    case PGRES_COPY_IN:
    case PGRES_COPY_BOTH:
    case PGRES_PIPELINE_SYNC:
    case PGRES_NONFATAL_ERROR:
        return OK;
    case PGRES_PIPELINE_ABORTED:
        return fault_set(fault, ERR_STOPPED, "%s: skipped, as a statement before it failed",
                         doing != NULL ? doing : "PostgreSQL");
    case PGRES_BAD_RESPONSE:
    case PGRES_FATAL_ERROR:
        break;
    }
    if (result == NULL || field_of(result, PG_DIAG_SQLSTATE)[0] == '\0')
        return error_of_connection(self, doing, fault);
    return error_of_state(self, result, doing, fault);
}
