#include "actors/common/sql_error.h"

#include <errno.h>
#include <string.h>

typedef struct meaning {
    int code; /* primary result code of SQLite */
    err_t err;
    const char *way_out;
} meaning_t;

static const meaning_t meanings[] = {
    {SQLITE_FULL, ERR_FULL, "free some space on its disk"},
    {SQLITE_BUSY, ERR_BUSY, "close the program that is using it, or wait"},
    {SQLITE_LOCKED, ERR_BUSY, "close the program that is using it, or wait"},
    {SQLITE_PROTOCOL, ERR_BUSY, "close the program that is using it, or wait"},
    {SQLITE_READONLY, ERR_READONLY, "make the file and its directory writable"},
    {SQLITE_PERM, ERR_READONLY, "make the file and its directory writable"},
    {SQLITE_CORRUPT, ERR_CORRUPT, "move the file aside and restore or synchronise it anew"},
    {SQLITE_NOTADB, ERR_NOT_DATABASE, "name an SQLite database file, or a new one"},
    {SQLITE_CONSTRAINT, ERR_RULE_VIOLATION, "change the row so that it keeps the rule"},
    {SQLITE_MISMATCH, ERR_RULE_VIOLATION, "give the key the type of its column"},
    {SQLITE_INTERRUPT, ERR_TIMEOUT, "give it more time"},
    {SQLITE_TOOBIG, ERR_TOO_LARGE, "send less at once"},
    {SQLITE_IOERR, ERR_IO, "look at the disk"},
    {SQLITE_CANTOPEN, ERR_IO, "look at the path and its permissions"},
    {SQLITE_ERROR, ERR_STORAGE, "correct the SQL, or make what it names"},
};

/*  Where SQLite is vague the system knows better.  */
static const struct {
    int system;
    meaning_t meaning;
} causes[] = {
    {ENOSPC, {0, ERR_FULL, "free some space on its disk"}},
    {EDQUOT, {0, ERR_FULL, "free some space in the quota"}},
    {EACCES, {0, ERR_READONLY, "make the file and its directory writable"}},
    {EPERM, {0, ERR_READONLY, "make the file and its directory writable"}},
    {EROFS, {0, ERR_READONLY, "make the file and its directory writable"}},
    {ENOENT, {0, ERR_NOT_FOUND, "look at the path"}},
};

static const meaning_t *
system_meaning(int system)
{
    for (size_t i = 0; i < COUNT_OF(causes); i++)
        if (causes[i].system == system)
            return &causes[i].meaning;
    return NULL;
}

static meaning_t
meaning_of(sqlite3 *handle)
{
    const int code = sqlite3_errcode(handle) & 0xff;
    if (code == SQLITE_CANTOPEN || code == SQLITE_IOERR) {
        const meaning_t *known = system_meaning(sqlite3_system_errno(handle));
        if (known != NULL)
            return *known;
    }
    for (size_t i = 0; i < COUNT_OF(meanings); i++)
        if (meanings[i].code == code)
            return meanings[i];
    return (meaning_t){.err = ERR_STORAGE, .way_out = "look at the message"};
}

err_t
sql_error(sqlite3 *handle, const char *path, const char *doing, fault_t *fault)
{
    const meaning_t meaning = meaning_of(handle);
    return fault_set(fault, meaning.err, "%s: %s: %s; %s", path, doing, sqlite3_errmsg(handle),
                     meaning.way_out);
}
