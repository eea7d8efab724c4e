/*
 * Parameters of directives by a table of what they set: "name=value" in any
 * order, and arguments that have a place instead of a name.  All memory is
 * the configuration's.  In the master.
 */


#ifndef _NGX_ESS_PARAM_H_INCLUDED_
#define _NGX_ESS_PARAM_H_INCLUDED_


#include "ngx_ess.h"


typedef struct ngx_ess_param_s  ngx_ess_param_t;


/* one directive */

typedef struct {
    ngx_conf_t         *cf;
    const char         *directive;  /* its name, for messages */
    void               *conf;       /* what the offsets are in */
    ngx_uint_t          seen;       /* bit n: parameter n of the table */
    ngx_uint_t          many;       /* the same: it may come more than once */
    unsigned            again:1;    /* it repeats an earlier directive, so that
                                       values must be the same */
} ngx_ess_param_ctx_t;


/* Reads a value.  NULL, or what would be right, as words behind "must be". */
typedef const char *(*ngx_ess_param_pt)(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);


struct ngx_ess_param_s {
    ngx_str_t           name;       /* of an argument: what messages call it */
    ngx_ess_param_pt    set;
    size_t              offset;     /* of the field that is set */
    int64_t             min;        /* of a text: of its length */
    int64_t             max;
    const char         *expected;   /* behind "must be" */
    ngx_conf_enum_t    *words;      /* of ngx_ess_param_enum() */
};


#define ngx_ess_null_param  { ngx_null_string, NULL, 0, 0, 0, NULL, NULL }


/*
 * What a directive takes: a command's "post".  Its fields have the width of
 * an ngx_int_t and are NGX_CONF_UNSET before.
 */

typedef struct {
    const ngx_ess_param_t  *params;
    ngx_uint_t              nargs;  /* the first rows: arguments, in order */
    const char             *takes;  /* behind "it takes": of what is no row's */
    ngx_uint_t              off;    /* 1: "off" alone sets each field to 0 */
    ngx_uint_t              many;   /* bits of rows that may come several times:
                                       their setters see to it */
} ngx_ess_param_directive_t;


/* A command's setter: takes all arguments of the directive, which may come
   once. */
char *ngx_ess_param_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* The same for a setter that knows by itself whether it comes once. */
char *ngx_ess_param_args(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * The same by a table of its own, for a setter whose command has none: "many"
 * is as above, and what is none of the table's parameters "other" takes.
 */
typedef char *(*ngx_ess_param_other_pt)(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf, ngx_str_t *arg);

char *ngx_ess_param_others(ngx_conf_t *cf, ngx_command_t *cmd, void *conf,
    const ngx_ess_param_t *params, ngx_uint_t many,
    ngx_ess_param_other_pt other);

/* Takes an argument, by its row.  NGX_ERROR: it is wrong, which is logged. */
ngx_int_t ngx_ess_param_arg(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *arg);

/*
 * "arg" is a parameter of the table, which ends with ngx_ess_null_param, and
 * its value is taken.  NGX_DECLINED: it is none of the table.  NGX_ERROR: it
 * is there twice, or has a wrong value, which is logged.
 */
ngx_int_t ngx_ess_param(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *params, ngx_str_t *arg);

/* Of fields that are ngx_uint_t, also for s, ngx_msec_t, size_t and ngx_str_t.
   A value that fits must lie within the bounds; of "_or_0", or be 0. */
const char *ngx_ess_param_number(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
const char *ngx_ess_param_msec(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
const char *ngx_ess_param_msec_or_0(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
const char *ngx_ess_param_sec(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
const char *ngx_ess_param_size(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
const char *ngx_ess_param_text(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);

/* Of a field that is ngx_uint_t: one of the words. */
const char *ngx_ess_param_enum(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);


/* A value that may have variables.  NGX_OK, or NGX_ERROR: one is unknown, which
   is logged, or there is no memory. */
ngx_int_t ngx_ess_param_complex(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_complex_value_t **cv);


#endif /* _NGX_ESS_PARAM_H_INCLUDED_ */
