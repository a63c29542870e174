#include "bus/tasks.h"

#include <stdlib.h>
#include <string.h>

bool
tasks_have_room(const tasks_t *self, size_t bytes)
{
    return self->n < TASKS_AT_MOST && (self->n == 0 || self->bytes + bytes <= TASKS_BYTES);
}

static const char *
keep_text(char room[NAME_ROOM + 1], const char *text)
{
    return text != NULL ? memcpy(room, text, strlen(text) + 1) : NULL;
}

void
tasks_add(tasks_t *self, const envelope_t *envelope, blob_t *payload)
{
    task_t *task = mem_new(sizeof *task);
    task->envelope = *envelope;
    task->envelope.type = keep_text(task->names.text[0], envelope->type);
    task->envelope.from = keep_text(task->names.text[1], envelope->from);
    task->envelope.to = keep_text(task->names.text[2], envelope->to);
    task->envelope.key = NULL;
    task->payload = blob_ref(payload);
    tasks_append(self, task);
}

void
tasks_append(tasks_t *self, task_t *task)
{
    task->next = NULL;
    if (self->first == NULL)
        self->first = task;
    else
        self->last->next = task;
    self->last = task;
    self->n++;
    self->bytes += task->payload != NULL ? task->payload->size : 0;
}

static void
take(tasks_t *self, task_t *task)
{
    task_t *before = NULL;
    task_t **at = &self->first;
    while (*at != task) {
        before = *at;
        at = &before->next;
    }
    *at = task->next;
    if (self->last == task)
        self->last = before;
    self->n--;
    self->bytes -= task->payload != NULL ? task->payload->size : 0;
}

task_t *
tasks_take_first(tasks_t *self)
{
    task_t *first = self->first;
    if (first != NULL)
        take(self, first);
    return first;
}

void
tasks_mark_handled(tasks_t *self, task_t *task)
{
    task->handled = true;
    self->bytes -= task->payload->size;
    blob_unref(&task->payload);
}

void
tasks_drop(tasks_t *self, task_t *task)
{
    take(self, task);
    task_destroy(&task);
}

void
task_destroy(task_t **self_p)
{
    task_t *self = *self_p;
    if (self == NULL)
        return;
    blob_unref(&self->payload);
    free(self);
    *self_p = NULL;
}

task_t *
tasks_find_request(const tasks_t *self, const uint8_t id[16])
{
    task_t *task = self->first;
    while (task != NULL
           && (task->seq == 0 || task->envelope.kind != ENVELOPE_REQ
               || memcmp(task->envelope.id, id, sizeof task->envelope.id) != 0))
        task = task->next;
    return task;
}

task_t *
tasks_first_waiting(const tasks_t *self)
{
    task_t *task = self->first;
    while (task != NULL && task->seq != 0)
        task = task->next;
    return task;
}
