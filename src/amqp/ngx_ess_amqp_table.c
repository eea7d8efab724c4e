/*
 * Field tables from outside, checked before rabbitmq-c sees them: that library
 * recurses as deep as the input nests.  Owns nothing; called by the codec, in
 * a worker.
 */


#include "ngx_ess_amqp_table.h"


static u_char *ngx_ess_amqp_table_list(u_char *p, u_char *last,
    ngx_uint_t depth, ngx_uint_t named);
static u_char *ngx_ess_amqp_table_named(u_char *p, u_char *last,
    ngx_uint_t depth);
static u_char *ngx_ess_amqp_table_field(u_char *p, u_char *last,
    ngx_uint_t depth);


u_char *
ngx_ess_amqp_table_end(u_char *p, u_char *last)
{
    return ngx_ess_amqp_table_list(p, last, 0, 1);
}


u_char *
ngx_ess_amqp_table_entry(u_char *p, u_char *last)
{
    return (p < last) ? ngx_ess_amqp_table_named(p, last, 0) : NULL;
}


/* where the table, or the array, whose fields have no names, ends; or NULL */

static u_char *
ngx_ess_amqp_table_list(u_char *p, u_char *last, ngx_uint_t depth,
    ngx_uint_t named)
{
    uint32_t  size;

    if (depth == NGX_ESS_AMQP_TABLE_DEPTH || last - p < 4) {
        return NULL;
    }

    size = ngx_ess_amqp_table_u32(p);
    p += 4;

    if (size > (size_t) (last - p)) {
        return NULL;
    }

    last = p + size;

    while (p < last) {

        p = named ? ngx_ess_amqp_table_named(p, last, depth)
                  : ngx_ess_amqp_table_field(p, last, depth);

        if (p == NULL) {
            return NULL;
        }
    }

    return last;
}


/* p < last */

static u_char *
ngx_ess_amqp_table_named(u_char *p, u_char *last, ngx_uint_t depth)
{
    if (p[0] >= last - p - 1) {
        return NULL;
    }

    return ngx_ess_amqp_table_field(p + 1 + p[0], last, depth);
}


/*
 * p < last.  A table or an array that makes no sense, or is too deep, becomes
 * so many bytes of no meaning, which look the same but for their kind: so the
 * fields beside it are decoded.
 */

static u_char *
ngx_ess_amqp_table_field(u_char *p, u_char *last, ngx_uint_t depth)
{
    size_t   size;
    u_char  *kind, *end;

    kind = p;

    switch (*p++) {

    case AMQP_FIELD_KIND_TABLE:
    case AMQP_FIELD_KIND_ARRAY:
        end = ngx_ess_amqp_table_list(p, last, depth + 1,
                                      *kind == AMQP_FIELD_KIND_TABLE);
        if (end) {
            return end;
        }

        *kind = AMQP_FIELD_KIND_BYTES;
        return ngx_ess_amqp_table_field(kind, last, depth);

    case AMQP_FIELD_KIND_UTF8:
    case AMQP_FIELD_KIND_BYTES:
        if (last - p < 4) {
            return NULL;
        }

        size = (size_t) ngx_ess_amqp_table_u32(p) + 4;
        break;

    case AMQP_FIELD_KIND_BOOLEAN:
    case AMQP_FIELD_KIND_I8:
    case AMQP_FIELD_KIND_U8:
        size = 1;
        break;

    case AMQP_FIELD_KIND_I16:
    case AMQP_FIELD_KIND_U16:
        size = 2;
        break;

    case AMQP_FIELD_KIND_I32:
    case AMQP_FIELD_KIND_U32:
    case AMQP_FIELD_KIND_F32:
        size = 4;
        break;

    case AMQP_FIELD_KIND_DECIMAL:
        size = 5;
        break;

    case AMQP_FIELD_KIND_I64:
    case AMQP_FIELD_KIND_U64:
    case AMQP_FIELD_KIND_F64:
    case AMQP_FIELD_KIND_TIMESTAMP:
        size = 8;
        break;

    case AMQP_FIELD_KIND_VOID:
        size = 0;
        break;

    default:
        return NULL;
    }

    return size <= (size_t) (last - p) ? p + size : NULL;
}
