#include "runtime/sim_wire.h"

#include <stdlib.h>
#include <string.h>

end_t *
end_peer(end_t *self)
{
    end_t *ends = self->wire->ends;
    return self == &ends[DIALLER] ? &ends[LISTENER] : &ends[DIALLER];
}

void
end_post(end_t *self, const news_t *what, const void *data)
{
    world_t *world = self->wire->network->world;
    news_t *news = mem_new(sizeof *news + what->size);
    *news = *what;
    news->at_ns = world_later(world, world->faults.net_delay_ms);
    news->next = NULL;
    if (what->size > 0)
        memcpy(news->data, data, what->size);
    if (self->last)
        self->last->next = news;
    else
        self->first = news;
    self->last = news;
}

news_t *
end_pop(end_t *self)
{
    news_t *news = self->first;
    self->first = news->next;
    if (self->first == NULL)
        self->last = NULL;
    return news;
}

void
end_forget(end_t *self)
{
    while (self->first)
        free(end_pop(self));
}

static void
close_arrives(end_t *self, const news_t *news)
{
    net_t *net = self->net;
    self->net = NULL;
    self->open = false;
    net->sink.close(net->sink.host, self->id, news->status, (const char *) news->data);
    net->owner.touched(net->owner.self);
}

void
end_close(end_t *self, int status, const char *reason)
{
    if (self->net == NULL || self->closing)
        return;
    self->closing = true;
    news_t what = {.arrive = close_arrives, .status = status, .size = strlen(reason) + 1};
    end_post(self, &what, reason);
}

void
wire_cut(wire_t *self, int status, const char *reason)
{
    for (size_t i = 0; i < 2; i++) {
        end_t *end = &self->ends[i];
        end_forget(end);
        end->closing = false;
        end->open = false;
        end->drained_ns = 0;
        end_close(end, status, reason);
    }
}

bool
wire_unused(const wire_t *self)
{
    return self->ends[DIALLER].net == NULL && self->ends[LISTENER].net == NULL;
}

void
wire_destroy(wire_t **self_p)
{
    wire_t *self = *self_p;
    if (self == NULL)
        return;
    end_forget(&self->ends[DIALLER]);
    end_forget(&self->ends[LISTENER]);
    free(self->host);
    free(self->path);
    free(self->query);
    free(self->protocol);
    free(self->authorization);
    free(self);
    *self_p = NULL;
}
