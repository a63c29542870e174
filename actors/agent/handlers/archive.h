/*  archive - a handler for tables that keep what the server deletes.  */

#pragma once

#include "actors/agent/handlers.h"

extern const handler_t archive_handler;
