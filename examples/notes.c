/*  notes - writes a note and shows what becomes of it.

    usage: notes RUN-DIR ID TITLE: beside an agent that runs in RUN-DIR, and a server that has
    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL).  */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <waybill.h>

static void
show(const waybill_event_t *event, void *context)
{
    (void) context;
    if (event->kind == WAYBILL_RECORDED)
        printf("%s of note %s\n", event->operation, event->id);
    else
        printf("note %s: %s\n", event->id, event->result);
}

int
main(int argc, char **argv)
{
    waybill_t *waybill;
    waybill_error_t error;
    uint64_t subscription;
    if (argc != 4)
        return fprintf(stderr, "usage: notes RUN-DIR ID TITLE\n"), EXIT_FAILURE;
    if (waybill_open(argv[1], "notes", 5000, &waybill, &error) != WAYBILL_OK)
        return fprintf(stderr, "notes: %s\n", error.text), EXIT_FAILURE;

    const waybill_filter_t notes = {.kinds = WAYBILL_RECORDED | WAYBILL_PROCESSED,
                                    .table = "notes"};
    const waybill_column_t title = {
        "title", {.kind = WAYBILL_TEXT, .bytes = argv[3], .size = strlen(argv[3])}};
    waybill_change_t change = {.operation = "upsert",
                               .table = "notes",
                               .id = argv[2],
                               .columns = &title,
                               .n_columns = 1};
    const char *ids[] = {change.change_id};

    waybill_code_t code = waybill_subscribe(waybill, &notes, show, NULL, &subscription);
    if (code == WAYBILL_OK) /* on disk here */
        code = waybill_write(waybill, &change, 1, 0, 5000);
    if (code == WAYBILL_OK) /* decided by the server */
        code = waybill_await(waybill, ids, 1, 30000, NULL);
    if (code == WAYBILL_OK)
        (void) waybill_wait(waybill, 1000); /* show() is called */
    else
        fprintf(stderr, "notes: %s\n", waybill_error(waybill)->text);
    waybill_close(&waybill);
    return code == WAYBILL_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
