#include "actors/common/db_setup.h"

#include "actors/common/sql_error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/*  Above this size a look at every page at each start would be felt.  */
enum { QUICK_CHECK_BYTES = 64 * 1024 * 1024 };

/*  How long to wait before the next look at a lock, up to which attempt.  */
typedef struct patience {
    int attempts;
    int wait_us;
} patience_t;

enum { SLACK_NS = 1000 };

/*  Most transactions are over within a millisecond, so the first waits are short. A program
   that writes without a pause leaves the lock free for a few microseconds at a time: who looks
   only each millisecond hardly ever gets it, and all that was written meanwhile goes out as one
    great transaction. So for a tenth of a second the looks follow closely. Those after are all
    alike: SQLite's own backoff sleeps up to 100 ms and starves whoever has waited longest.  */
static const patience_t patient[] = {{20, 100}, {2000, 60}, {7000, 1000}, {0}};
static const patience_t brief[] = {{20, 100}, {70, 1000}, {0}};

static int
wait_by(const patience_t *patience, int attempt)
{
    sqlite3_vfs *system = sqlite3_vfs_find(NULL);
    while (patience->attempts > 0 && attempt >= patience->attempts)
        patience++;
    if (patience->attempts == 0)
        return 0;
    if (attempt == 0)
        (void) prctl(PR_SET_TIMERSLACK,
                     SLACK_NS); /* of this thread: each wait is longer by it */
    (void) system->xSleep(system, patience->wait_us);
    return 1;
}

static int
wait_patiently(void *nothing, int attempt)
{
    (void) nothing;
    return wait_by(patient, attempt);
}

static int
wait_briefly(void *nothing, int attempt)
{
    (void) nothing;
    return wait_by(brief, attempt);
}

void
db_setup_patience(sqlite3 *handle, bool queues)
{
    sqlite3_busy_handler(handle, queues ? wait_patiently : wait_briefly, NULL);
}

static err_t
run(sqlite3 *handle, const char *path, const char *sql, fault_t *fault)
{
    if (sqlite3_exec(handle, sql, NULL, NULL, NULL) == SQLITE_OK)
        return OK;
    return sql_error(handle, path, "opening it", fault);
}

/*  Only a file that did not exist is opened here: closing a descriptor of a live database
    would drop every lock that SQLite holds on it in this process.  */
static err_t
make_file(const char *path, fault_t *fault)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
        return OK;
    }
    if (errno == EEXIST)
        return OK;
    if (errno == ENOENT || errno == ENOTDIR)
        return fault_set(fault, ERR_NOT_FOUND, "%s: its directory does not exist; make it",
                         path);
    if (errno == EACCES || errno == EPERM || errno == EROFS)
        return fault_set(fault, ERR_READONLY,
                         "%s: cannot be made: %s; choose a directory that can be written", path,
                         strerrordesc_np(errno));
    return fault_set(fault, ERR_IO, "%s: cannot be made: %s; look at the path", path,
                     strerrordesc_np(errno));
}

static err_t
open_handle(const char *path, sqlite3 **handle, fault_t *fault)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(path, handle, flags, NULL) != SQLITE_OK)
        return sql_error(*handle, path, "opening it", fault);
    sqlite3_db_config(*handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    db_setup_patience(*handle, true);
    return OK;
}

/*  Adopts a text result: the first column of the first row.  */
static err_t
ask(sqlite3 *handle, const char *path, const char *sql, char answer[static 200], fault_t *fault)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) != SQLITE_OK)
        return sql_error(handle, path, "opening it", fault);
    const bool row = sqlite3_step(statement) == SQLITE_ROW;
    const char *text = row ? (const char *) sqlite3_column_text(statement, 0) : NULL;
    sqlite3_snprintf(200, answer, "%s", text != NULL ? text : "");
    if (sqlite3_finalize(statement) != SQLITE_OK)
        return sql_error(handle, path, "opening it", fault);
    return OK;
}

static err_t
use_wal(sqlite3 *handle, const char *path, fault_t *fault)
{
    char mode[200];
    const err_t err = ask(handle, path, "PRAGMA journal_mode=WAL", mode, fault);
    if (err == OK && strcmp(mode, "wal") != 0)
        return fault_set(fault, ERR_IO,
                         "%s: a write-ahead log cannot be used there (mode %s); choose a file "
                         "on a local disk",
                         path, mode);
    return err;
}

static err_t
check_writable(sqlite3 *handle, const char *path, fault_t *fault)
{
    if (sqlite3_db_readonly(handle, "main") == 1)
        return fault_set(fault, ERR_READONLY,
                         "%s: it cannot be written; make the file and its directory writable",
                         path);
    return run(handle, path, "BEGIN IMMEDIATE; ROLLBACK", fault);
}

static err_t
check_sound(sqlite3 *handle, const char *path, fault_t *fault)
{
    char text[200];
    err_t err = ask(handle, path,
                    "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
                    text, fault);
    if (err != OK || strtoll(text, NULL, 10) > QUICK_CHECK_BYTES)
        return err;
    err = ask(handle, path, "PRAGMA quick_check(1)", text, fault);
    if (err == OK && strcmp(text, "ok") != 0)
        return fault_set(
            fault, ERR_CORRUPT,
            "%s: it is damaged: %s; move the file aside and restore or synchronise it anew",
            path, text);
    return err;
}

static const char settings[] = "PRAGMA synchronous=FULL;"
                               "PRAGMA foreign_keys=ON;"
                               "PRAGMA temp_store=MEMORY;"
                               "PRAGMA mmap_size=0;"
                               "PRAGMA wal_autocheckpoint=0;"
                               "PRAGMA journal_size_limit=4194304;";

static err_t
set_up_writer(sqlite3 *handle, const char *path, fault_t *fault)
{
    if (sqlite3_db_readonly(handle, "main") == 1)
        return check_writable(handle, path, fault);
    err_t err = use_wal(handle, path, fault);
    if (err == OK)
        err = run(handle, path, settings, fault);
    if (err == OK)
        err = check_writable(handle, path, fault);
    if (err == OK)
        err = check_sound(handle, path, fault);
    return err;
}

err_t
db_setup_writer(const char *path, bool create, sqlite3 **handle, fault_t *fault)
{
    err_t err = create ? make_file(path, fault) : OK;
    if (err == OK)
        err = open_handle(path, handle, fault);
    if (err == OK)
        err = set_up_writer(*handle, path, fault);
    return err;
}

err_t
db_setup_reader(const char *path, sqlite3 **handle, fault_t *fault)
{
    err_t err = open_handle(path, handle, fault);
    if (err == OK)
        err = run(*handle, path, settings, fault);
    if (err == OK)
        err = run(*handle, path, "PRAGMA query_only=ON; SELECT 1 FROM sqlite_schema LIMIT 1",
                  fault);
    return err;
}
