#include "bus/ipc_frame.h"

#include "schemas/plausible.h"

#include <msgpack.h>
#include <string.h>

static bool
is_name(const char *name, size_t size, size_t room)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789-_.";
    if (size == 0 || size > room)
        return false;
    for (size_t i = 0; i < size; i++)
        if (name[i] == '\0' || strchr(allowed, name[i]) == NULL)
            return false;
    return true;
}

bool
peer_name_valid(const char *name, size_t size)
{
    return is_name(name, size, PEER_NAME_ROOM);
}

bool
type_list_has(const type_list_t *self, const char *type)
{
    for (size_t i = 0; i < self->n; i++)
        if (strcmp(self->names[i], type) == 0)
            return true;
    return false;
}

/*  ---------------------------------------------------------------------- packing  */

static blob_t *
take_blob(msgpack_sbuffer *buffer)
{
    blob_t *blob = blob_new((bytes_t){(const uint8_t *) buffer->data, buffer->size});
    msgpack_sbuffer_destroy(buffer);
    return blob;
}

static void
pack_text(msgpack_packer *packer, const char *text)
{
    size_t size = strlen(text);
    msgpack_pack_str(packer, size);
    msgpack_pack_str_body(packer, text, size);
}

static void
pack_number_field(msgpack_packer *packer, const char *name, uint64_t value)
{
    pack_text(packer, name);
    msgpack_pack_uint64(packer, value);
}

static void
pack_types(msgpack_packer *packer, const char *name, const type_list_t *types)
{
    if (types->n == 0)
        return;
    pack_text(packer, name);
    msgpack_pack_array(packer, types->n);
    for (size_t i = 0; i < types->n; i++)
        pack_text(packer, types->names[i]);
}

blob_t *
hello_pack(const hello_t *hello)
{
    msgpack_sbuffer buffer;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer packer;
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    msgpack_pack_map(&packer, 4U + (hello->takes.n > 0) + (hello->says.n > 0));
    pack_text(&packer, "name");
    pack_text(&packer, hello->name);
    pack_number_field(&packer, "epoch", hello->epoch);
    pack_number_field(&packer, "next_seq", hello->next_seq);
    pack_number_field(&packer, "pid", hello->pid);
    pack_types(&packer, "takes", &hello->takes);
    pack_types(&packer, "says", &hello->says);
    return take_blob(&buffer);
}

blob_t *
number_pack(uint64_t number)
{
    msgpack_sbuffer buffer;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer packer;
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    msgpack_pack_uint64(&packer, number);
    return take_blob(&buffer);
}

blob_t *
text_pack(const char *text)
{
    msgpack_sbuffer buffer;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer packer;
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    pack_text(&packer, text);
    return take_blob(&buffer);
}

/*  -------------------------------------------------------------------- unpacking  */

/*  One whole value that is what it claims to be; only then is msgpack let at it.  */
static bool
unpack_value(bytes_t payload, msgpack_unpacked *unpacked)
{
    size_t used;
    size_t offset = 0;
    msgpack_unpacked_init(unpacked);
    return plausible(payload, &used) && used == payload.size
           && msgpack_unpack_next(unpacked, (const char *) payload.data, payload.size, &offset)
                  == MSGPACK_UNPACK_SUCCESS;
}

static const msgpack_object *
find_field(const msgpack_object *map, const char *name)
{
    if (map->type != MSGPACK_OBJECT_MAP)
        return NULL;
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object_kv *pair = &map->via.map.ptr[i];
        if (pair->key.type == MSGPACK_OBJECT_STR && pair->key.via.str.size == strlen(name)
            && memcmp(pair->key.via.str.ptr, name, strlen(name)) == 0)
            return &pair->val;
    }
    return NULL;
}

static err_t
take_number_field(const msgpack_object *map, const char *name, uint64_t *out, fault_t *fault)
{
    const msgpack_object *value = find_field(map, name);
    if (value == NULL || value->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return fault_set(fault, ERR_MALFORMED, "hello: field %s: a number is missing", name);
    *out = value->via.u64;
    return OK;
}

static bool
is_type_name(const msgpack_object *value)
{
    return value->type == MSGPACK_OBJECT_STR
           && is_name(value->via.str.ptr, value->via.str.size, NAME_ROOM);
}

/*  May be missing.  */
static err_t
take_types(const msgpack_object *map, const char *name, type_list_t *out, fault_t *fault)
{
    const msgpack_object *value = find_field(map, name);
    if (value == NULL)
        return OK;
    bool good = value->type == MSGPACK_OBJECT_ARRAY && value->via.array.size <= IPC_TYPES;
    for (uint32_t i = 0; good && i < value->via.array.size; i++) {
        const msgpack_object *type = &value->via.array.ptr[i];
        good = is_type_name(type);
        if (good)
            memcpy(out->names[out->n++], type->via.str.ptr, type->via.str.size);
    }
    if (good)
        return OK;
    return fault_set(fault, ERR_MALFORMED,
                     "hello: field %s: an array of at most %d names is wanted, each of 1 to %d "
                     "letters, digits, -, _ or .",
                     name, IPC_TYPES, NAME_ROOM);
}

static err_t
take_hello(const msgpack_object *map, hello_t *hello, fault_t *fault)
{
    const msgpack_object *name = find_field(map, "name");
    if (name == NULL || name->type != MSGPACK_OBJECT_STR
        || !peer_name_valid(name->via.str.ptr, name->via.str.size))
        return fault_set(fault, ERR_MALFORMED,
                         "hello: field name: 1 to %d letters, digits, -, _ or . are wanted",
                         PEER_NAME_ROOM);
    *hello = (hello_t){0};
    memcpy(hello->name, name->via.str.ptr, name->via.str.size);
    err_t err = take_number_field(map, "epoch", &hello->epoch, fault);
    if (err == OK)
        err = take_number_field(map, "next_seq", &hello->next_seq, fault);
    if (err == OK)
        err = take_number_field(map, "pid", &hello->pid, fault);
    if (err == OK)
        err = take_types(map, "takes", &hello->takes, fault);
    if (err == OK)
        err = take_types(map, "says", &hello->says, fault);
    return err;
}

err_t
hello_unpack(bytes_t payload, hello_t *hello, fault_t *fault)
{
    msgpack_unpacked unpacked;
    err_t err = unpack_value(payload, &unpacked)
                    ? take_hello(&unpacked.data, hello, fault)
                    : fault_set(fault, ERR_MALFORMED, "hello: a msgpack map is wanted");
    msgpack_unpacked_destroy(&unpacked);
    return err;
}

err_t
number_unpack(bytes_t payload, uint64_t *number)
{
    msgpack_unpacked unpacked;
    bool good = unpack_value(payload, &unpacked)
                && unpacked.data.type == MSGPACK_OBJECT_POSITIVE_INTEGER;
    if (good)
        *number = unpacked.data.via.u64;
    msgpack_unpacked_destroy(&unpacked);
    return good ? OK : ERR_MALFORMED;
}

static bool
is_printable(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    return true;
}

err_t
text_unpack(bytes_t payload, char *text, size_t room)
{
    msgpack_unpacked unpacked;
    bool good = unpack_value(payload, &unpacked) && unpacked.data.type == MSGPACK_OBJECT_STR
                && unpacked.data.via.str.size > 0 && unpacked.data.via.str.size < room
                && is_printable(unpacked.data.via.str.ptr, unpacked.data.via.str.size);
    if (good) {
        memcpy(text, unpacked.data.via.str.ptr, unpacked.data.via.str.size);
        text[unpacked.data.via.str.size] = '\0';
    }
    msgpack_unpacked_destroy(&unpacked);
    return good ? OK : ERR_MALFORMED;
}
