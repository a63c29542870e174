#include "client/events.h"

#include "client/reading.h"
#include "client/writing.h"

#include <stdlib.h>
#include <string.h>

/*  ----------------------------------------------------------------------- subscribing  */

static char *
copy(const char *text)
{
    return text != NULL ? mem_text(text) : NULL;
}

waybill_code_t
waybill_subscribe(waybill_t *self, const waybill_filter_t *filter, waybill_event_fn *callback,
                  void *context, uint64_t *subscription)
{
    static const waybill_filter_t everything = {0};
    fault_t fault = {0};
    if (filter == NULL)
        filter = &everything;
    if (callback == NULL)
        return handle_refuse(self, WAYBILL_USAGE, "callback: it is missing");
    const unsigned kinds = filter->kinds != 0 ? filter->kinds : WAYBILL_ALL;
    if (handle_hear(self, kinds, &fault) != OK)
        return handle_say(self, &fault);
    subscription_t *added = mem_new(sizeof *added);
    *added = (subscription_t){.next = self->subscriptions,
                              .number = ++self->n_subscribed,
                              .kinds = kinds,
                              .table = copy(filter->table),
                              .id = copy(filter->id),
                              .callback = callback,
                              .context = context};
    self->subscriptions = added;
    *subscription = added->number;
    return WAYBILL_OK;
}

/*  It may be the one that is being called: it is removed later.  */
waybill_code_t
waybill_unsubscribe(waybill_t *self, uint64_t number)
{
    subscription_t *found = self->subscriptions;
    while (found != NULL && found->number != number)
        found = found->next;
    if (number == 0 || found == NULL)
        return handle_refuse(self, WAYBILL_NOT_FOUND, "there is no such subscription");
    found->number = 0;
    if (!self->dispatching)
        events_sweep(self);
    return WAYBILL_OK;
}

static void
remove_one(subscription_t **at)
{
    subscription_t *gone = *at;
    *at = gone->next;
    free(gone->table);
    free(gone->id);
    free(gone);
}

void
events_sweep(waybill_t *self)
{
    subscription_t **at = &self->subscriptions;
    while (*at != NULL)
        if ((*at)->number == 0)
            remove_one(at);
        else
            at = &(*at)->next;
}

void
events_release(waybill_t *self)
{
    while (self->subscriptions != NULL)
        remove_one(&self->subscriptions);
}

/*  ------------------------------------------------------------------------ delivering  */

static bool
wants(const subscription_t *subscription, const waybill_event_t *event)
{
    if (subscription->number == 0 || (subscription->kinds & event->kind) == 0)
        return false;
    if ((event->kind & (WAYBILL_RECORDED | WAYBILL_PROCESSED)) == 0)
        return true;
    return (subscription->table == NULL || strcmp(subscription->table, event->table) == 0)
           && (subscription->id == NULL || strcmp(subscription->id, event->id) == 0);
}

static void
fill_gaps(waybill_event_t *event)
{
    const char **const texts[] = {&event->table,     &event->id,     &event->operation,
                                  &event->change_id, &event->result, &event->name,
                                  &event->text};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (*texts[i] == NULL)
            *texts[i] = "";
}

/*  A callback may subscribe; what it adds stands in front, and hears the next event.  */
void
events_tell(waybill_t *self, waybill_event_t event)
{
    fill_gaps(&event);
    self->n_delivered++;
    for (subscription_t *at = self->subscriptions; at != NULL; at = at->next)
        if (wants(at, &event))
            at->callback(&event, at->context);
}

static void
on_recorded(waybill_t *self, const void *body)
{
    const change_recorded_t *recorded = body;
    reading_note(self, recorded->entity_type, recorded->entity_id);
    events_tell(self, (waybill_event_t){.kind = WAYBILL_RECORDED,
                                        .table = recorded->entity_type,
                                        .id = recorded->entity_id,
                                        .operation = recorded->operation,
                                        .change_id = recorded->id});
}

void
events_tell_missed(waybill_t *self)
{
    reading_note_all(self);
    events_tell(self, (waybill_event_t){.kind = WAYBILL_MISSED});
}

static void
on_processed(waybill_t *self, const void *body)
{
    const changes_processed_t *processed = body;
    for (size_t i = 0; i < processed->n_changes; i++) {
        const processed_t *change = &processed->changes[i];
        reading_note(self, change->entity_type, change->entity_id);
        events_tell(self, (waybill_event_t){.kind = WAYBILL_PROCESSED,
                                            .table = change->entity_type,
                                            .id = change->entity_id,
                                            .operation = change->operation,
                                            .change_id = change->id,
                                            .result = change->result,
                                            .name = change->code,
                                            .text = change->message,
                                            .from_server = change->from_server});
    }
    if (processed->many)
        events_tell_missed(self);
}

static void
on_status(waybill_t *self, const void *body)
{
    const status_t *status = body;
    events_tell(self, (waybill_event_t){.kind = WAYBILL_STATUS,
                                        .result = status->state,
                                        .text = status->reason});
}

static void
on_problem(waybill_t *self, const void *body)
{
    const problem_t *problem = body;
    events_tell(self, (waybill_event_t){.kind = WAYBILL_PROBLEM,
                                        .change_id = problem->subject,
                                        .name = problem->code,
                                        .text = problem->message});
}

static void
on_lost(waybill_t *self, const void *body)
{
    (void) body;
    events_tell_missed(self);
}

static void (*const on_event[MSG_COUNT])(waybill_t *, const void *) = {
    [MSG_change_recorded] = on_recorded,
    [MSG_changes_processed] = on_processed,
    [MSG_status] = on_status,
    [MSG_problem] = on_problem,
    [MSG_events_lost] = on_lost,
};

void
events_on_heard(waybill_t *self, const ipc_heard_t *heard)
{
    waybill_event_t outcome = {0};
    if (heard->ask != 0 && writing_on_answer(self, heard, &outcome))
        events_tell(self, outcome);
    else if (heard->ask == 0 && on_event[heard->id] != NULL)
        on_event[heard->id](self, heard->body);
}
