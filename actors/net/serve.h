/*  serve - what the library tells about its sockets, turned into channels and reports.

    The context's user pointer is a channels_t.  */

#pragma once

#include <libwebsockets.h>

extern const struct lws_protocols listener_protocols[];
/*  With "wake", which polls foreign descriptors.  */
extern const struct lws_protocols dialler_protocols[];
