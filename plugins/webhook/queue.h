/*  queue - events that wait for the server, in a SQLite file of their own.

    What is added is there for good when the round is settled; until then a crash takes it away,
    and its message comes again.  */

#ifndef WEBHOOK_QUEUE_H
#define WEBHOOK_QUEUE_H

#include <waybill/plugin.h>

#include <sqlite3.h>

typedef enum statement { ADD, FIRST, REMOVE, BEGIN, COMMIT, STATEMENTS } statement_t;

typedef struct queue {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    int in_round; /* events were added and not committed */
} queue_t;

/*  Those that give int give 0 where the file fails; queue_why() tells.  */
int queue_open(queue_t *self, const char *path);
/*  Not twice under one id.  */
int queue_add(queue_t *self, const char *id, const char *body);
int queue_settle(queue_t *self);
/*  The oldest event, its body to be freed; NULL: there is none.  */
int queue_first(queue_t *self, char id[WAYBILL_UUID_TEXT], char **body);
int queue_remove(queue_t *self, const char *id);
const char *queue_why(const queue_t *self);
void queue_close(queue_t *self);

#endif
