/*
 * Objects whose members are known, and what they hold, as commands are made of
 * them.  All is read where it lies, in a text that is JSON.  Private to
 * ngx_ess_command*.c.
 */


#ifndef _NGX_ESS_COMMAND_JSON_H_INCLUDED_
#define _NGX_ESS_COMMAND_JSON_H_INCLUDED_


#include "ngx_ess_json_read.h"


/* elements of an array that are still to come, or one value */

typedef struct {
    ngx_ess_json_walk_t      walk;
    ngx_ess_json_value_t     one;           /* data NULL: none, or no more */
} ngx_ess_command_rest_t;


/* Reads a member.  NULL, or what is wrong, static text. */
typedef const char *(*ngx_ess_command_read_pt)(void *data,
    ngx_ess_json_value_t *value);


typedef struct {
    ngx_str_t                name;
    ngx_ess_command_read_pt  read;
} ngx_ess_command_member_t;


/* an object that has none but these; a null string ends them */

typedef struct {
    const ngx_ess_command_member_t  *members;
    const char                      *unknown;   /* what is wrong with one that
                                                   has others */
} ngx_ess_command_object_t;


/* The elements of an array, or the value itself. */
void ngx_ess_command_json_rest(ngx_ess_command_rest_t *rest,
    ngx_ess_json_value_t *value);

/* The next one.  NGX_OK, or NGX_DONE: there is none. */
ngx_int_t ngx_ess_command_json_next(ngx_ess_command_rest_t *rest,
    ngx_ess_json_value_t *value);

/*
 * All members are read, also behind one that is wrong, so that the answer has
 * the id, and the stream, wherever these are; *seen has a bit for each that is
 * there.  NULL, or what is wrong first, but "unknown" before all else.
 */
const char *ngx_ess_command_json_object(
    const ngx_ess_command_object_t *object, void *data,
    ngx_ess_json_value_t *value, ngx_uint_t *seen);

/* An integer without a fraction or an exponent, at most "max" from 0.  NGX_OK,
   or NGX_DECLINED: it is none. */
ngx_int_t ngx_ess_command_json_integer(ngx_ess_json_value_t *value,
    int64_t max, int64_t *n);

/* The text of a string, if it is one, of 1 to "room" bytes: text->data
   has room for them.  NGX_OK, or NGX_DECLINED. */
ngx_int_t ngx_ess_command_json_text(ngx_ess_json_value_t *value, size_t room,
    ngx_str_t *text);

/* What is between the quotes of a string. */
ngx_str_t ngx_ess_command_json_raw(ngx_ess_json_value_t *value);


#endif /* _NGX_ESS_COMMAND_JSON_H_INCLUDED_ */
