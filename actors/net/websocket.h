/*  websocket - the net driver of the threaded host: libwebsockets behind net.h.

    One libwebsockets context an actor, served on the actor's own thread; it polls the
    bus's wake-up descriptors as well, so the actor sleeps in one place. No extension is
    offered or accepted, HTTP/2 is off, frames are assembled and bounded here.  */

#pragma once

#include "runtime/net.h"

extern const net_driver_t websocket_driver;
