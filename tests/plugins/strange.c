/*  A plug-in that is wrong in the way that STRANGE says: built once for each.  */

#include <waybill/plugin.h>

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef MAGIC
#define MAGIC WAYBILL_PLUGIN_MAGIC
#endif
#ifndef MAJOR
#define MAJOR WAYBILL_PLUGIN_MAJOR
#endif
#ifndef MINOR
#define MINOR WAYBILL_PLUGIN_MINOR
#endif
#ifndef SIZE
#define SIZE sizeof(waybill_plugin_t)
#endif
#ifndef BUILD
#define BUILD WAYBILL_PLUGIN_BUILD
#endif
#ifndef ENTRY
#define ENTRY waybill_plugin_v1
#endif
#ifndef NAME
#define NAME "strange"
#endif
#ifndef MESSAGES
#define MESSAGES                                                                               \
    {                                                                                          \
        0                                                                                      \
    }
#endif
#ifndef SETTINGS
#define SETTINGS                                                                               \
    {                                                                                          \
        0                                                                                      \
    }
#endif
#ifndef START
#define START start
#endif
#ifndef GIVEN
#define GIVEN &plugin
#endif
#ifndef BEFORE
#define BEFORE
#endif

static int
start(void *state, waybill_ctx_t *ctx, const waybill_host_t *host)
{
    (void) state, (void) ctx, (void) host;
    return WAYBILL_OK;
}

static const waybill_message_t messages[200] = {MESSAGES};
static const waybill_setting_t settings[200] = {SETTINGS};

static const waybill_plugin_t plugin = {
    .magic = MAGIC,
    .major = MAJOR,
    .minor = MINOR,
    .struct_size = SIZE,
    .build = BUILD,
    .name = NAME,
    .version = "1",
    .summary = "Is wrong",
    .messages = messages,
    .settings = settings,
    .start = START,
};

const waybill_plugin_t *ENTRY(uint32_t major, uint32_t minor);

const waybill_plugin_t *
ENTRY(uint32_t major, uint32_t minor)
{
    (void) major, (void) minor;
    (void) plugin, (void) start;
    BEFORE;
    return GIVEN;
}
