#include "actors/agent/store.h"

#include "actors/common/own_tables.h"
#include "schemas/tables.h"

static err_t
make_tables(db_t *db, fault_t *fault)
{
    err_t err = db_begin(db, fault);
    if (err != OK)
        return err;
    err = own_tables_make(db, agent_sql, fault);
    if (err == OK)
        return db_commit(db, fault);
    db_rollback(db);
    return err;
}

err_t
store_open(const char *path, db_t **self, fault_t *fault)
{
    err_t err = db_open(path, true, self, fault);
    if (err == OK)
        err = make_tables(*self, fault);
    if (err != OK)
        db_close(self);
    return err;
}
