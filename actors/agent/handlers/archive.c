#include "actors/agent/handlers/archive.h"

#include <string.h>

static err_t
keep_the_deleted(void *self, handling_t *handling, fault_t *fault)
{
    (void) self;
    (void) fault;
    if (strcmp(handling->operation, "delete") == 0)
        handling->skip_reason = "the table keeps what the server deletes";
    return OK;
}

const handler_t archive_handler = {
    .name = "archive",
    .summary = "keeps what the server deletes",
    .handle = keep_the_deleted,
};
