/*
 * The configuration: what the directives set.
 */


#ifndef _NGX_ESS_CONF_H_INCLUDED_
#define _NGX_ESS_CONF_H_INCLUDED_


#include "ngx_ess_zone.h"
#include "ngx_ess_store.h"
#include "ngx_ess_param.h"
#include "ngx_ess_source.h"
#include "ngx_ess_client_rate.h"
#include "ngx_ess_encoding_template.h"
#include "ngx_ess_registry_created.h"
#include "ngx_ess_max_subscribers.h"


#define NGX_ESS_CONF_LOG_AGE_MAX  ((ngx_int_t) 180 * 24 * 3600 * 1000)


typedef struct {
    ngx_ess_zone_t          *zone;          /* NULL: ESS does nothing */
    ngx_ess_store_t         *store;         /* NULL: off */
    ngx_array_t             *sources;       /* of ngx_ess_source_entry_t */
    ngx_array_t             *streams;       /* declared ones, which
                                               ngx_ess_conf_stream.c knows;
                                               NULL: none */
    ngx_uint_t               publishes;     /* 1: a location does */
    ngx_uint_t               authorizes;    /* 1: clients of one are asked
                                               about */
    ngx_uint_t               refuses;       /* 1: a location of ours, or
                                               ess_jwt, may */
    ngx_str_t                node;

    size_t                   log_size;      /* bytes */
    ngx_int_t                log_count;
    ngx_msec_t               log_age;       /* ms */
    ngx_ess_registry_created_conf_t created;    /* streams made on demand */
    size_t                   max_event;     /* bytes */
    ngx_msec_t               drain;         /* ms */
    size_t                   max_memory;    /* bytes of frames in a worker */
    ngx_int_t                max_clients;   /* of a worker; 0: any number,
                                               UNSET: as many as fit */
    ngx_int_t                deflate;       /* level of zlib; 0: off */
    size_t                   deflate_min;   /* bytes of an event */

    const char              *needs_zone;    /* a directive that does */
    const char              *needs_any;     /* one that needs it, RPC, or event
                                               logs */
    struct ngx_ess_rpc_conf_s *rpc;         /* of ess_consume and ess_rpc;
                                               NULL: neither is used */
    struct ngx_ess_rpc_figures_s *rpc_figures;  /* with it */
    const char              *creates;       /* a directive that makes streams
                                               on demand of that source */
    ngx_uint_t               needs_source;
    ngx_uint_t               save_all;      /* the zone was kept, but the store
                                               is another one */
    ngx_array_t              templates;     /* of ngx_ess_encoding_template_t
                                               *, each text once */
    ngx_array_t             *scopes;        /* of ngx_ess_conf_scope_t *; NULL:
                                               no location is ours */
    ngx_array_t             *event_logs;    /* of ngx_ess_event_log_t *, in
                                               order of their numbers; NULL:
                                               none */
    ngx_array_t             *event_log_engines; /* of constant
                                               ngx_ess_event_log_engine_t *,
                                               those of other modules; NULL:
                                               none */
    ngx_array_t             *events;        /* of ngx_ess_events_conf_t *, each
                                               ess_events; NULL: none */
    ngx_array_t              served;        /* of ngx_ess_conf_served_t */
    ngx_array_t             *openapis;      /* of struct ngx_ess_openapi_s *,
                                               ess_openapi and ess_docs; NULL:
                                               none */
} ngx_ess_main_conf_t;


typedef struct ngx_ess_conf_scope_s  ngx_ess_conf_scope_t;


/* what a directive is good for without ess_zone */

#define NGX_ESS_CONF_ZONE    0              /* nothing */
#define NGX_ESS_CONF_ANY     1              /* RPC, and event logs */
#define NGX_ESS_CONF_ALONE   2              /* it needs none */


/* what a location may serve */

typedef struct {
    const char              *directive;
    ngx_str_t                methods;       /* of pages of other origins */
    unsigned                 open:1;        /* pages of any origin read it when
                                               no origins are listed */
    ngx_uint_t               needs;         /* ess_zone: NGX_ESS_CONF_… */
    unsigned                 plain:1;       /* refusals are {"detail": …} and
                                               nothing else, as its clients
                                               know them */
} ngx_ess_conf_serves_t;


/* a location that serves something, for ess_openapi */

typedef struct {
    const char              *directive;
    ngx_str_t                argument;      /* its first one, or empty */
    ngx_http_core_srv_conf_t *server;
    ngx_http_core_loc_conf_t *location;
} ngx_ess_conf_served_t;


/* whom to ask who may subscribe: ess_authorize */

typedef struct {
    ngx_str_t                uri;           /* a path of the client's server */
    ngx_msec_t               timeout;       /* ms */
    ngx_msec_t               cache;         /* ms; 0: answers are not kept */
} ngx_ess_authorize_conf_t;


typedef struct {
    ngx_str_t                public_url;    /* escaped as JSON */
    const ngx_ess_conf_serves_t *serves;    /* NULL: nothing of ours */
    ngx_http_handler_pt      handler;       /* of that; another one there is
                                               another module's */
    ngx_ess_conf_scope_t    *scope;         /* which one that is */
    struct ngx_ess_openapi_s *openapi;      /* of ess_openapi, ess_docs */
    ngx_uint_t               source;        /* of streams that name none */
    ngx_http_complex_value_t *publish_name;     /* NULL: last path segment */
    ngx_uint_t               publish_query; /* 1: of the query string */
    ngx_uint_t               publish_batch; /* events; 0: the default */
    ngx_uint_t               create;        /* streams on demand, of a source:
                                               its number + 1; 0: none */
    ngx_http_complex_value_t *subscribe_uuid;   /* NULL: last path segment, or
                                               by name alone */
    ngx_http_complex_value_t *subscribe_name;   /* NULL: not by name */
    ngx_uint_t               subscribe_name_query;  /* 1: it is of the query
                                               string */
    ngx_str_t                subscribe_routing_key; /* the stream has to have
                                               it, and the source of "create";
                                               empty: any */
    ngx_uint_t               subscribe_open;    /* 1: names need no ess_jwt */
    ngx_uint_t               subscribe_multi;   /* 1: clients say which ones, */
    ngx_uint_t               subscribe_names;   /* 1: by name as well */
    ngx_str_t                subscribe_place;   /* of the directive, with names:
                                               "file:line" */
    ngx_uint_t               subscribe_unknown; /* who asks for a stream that
                                               there is not is closed so; 0:
                                               404 */
    ngx_uint_t               subscribe_poison;  /* 1: that of a stream's past
                                               closes, too */
    ngx_http_complex_value_t *subscribe_key;    /* clients get the events with
                                               that key; NULL: all */
    ngx_uint_t               subscribe_any_key; /* 1: all, too, where that is
                                               empty */
    ngx_uint_t               subscribe_key_query;   /* 1: it is of the query
                                               string */
    ngx_msec_t               ping_interval; /* ms, 0: no pings */
    ngx_msec_t               ping_timeout;  /* ms */
    ngx_str_t                ping_text;     /* a message's frame, in place of a
                                               ping; empty: none */
    ngx_uint_t               ping_first;    /* 1: also when a client begins */
    ngx_uint_t               annotate;      /* together with the next two */
    ngx_uint_t               annotate_gaps;
    ngx_uint_t               annotate_strict;
    ngx_uint_t               body;          /* instead: see
                                               ngx_ess_conf_body.c */
    ngx_ess_encoding_template_t *body_template; /* NULL: none */
    const ngx_ess_encoding_t *encodings[NGX_ESS_TRANSPORTS][2];
                                            /* by these: plain and deflated,
                                               without chunks and with them */
    ngx_uint_t               release;       /* the request, after the 101 */
    ngx_uint_t               slow_skip;     /* events, not the client */
    size_t                   slow_buffer;   /* bytes of it in memory */
    ngx_ess_client_rate_conf_t client_rate; /* of what a client sends */
    ngx_ess_max_subscribers_t limit;        /* max 0: any number */
    ngx_uint_t               max_subscriptions; /* of a client */
    ngx_uint_t               max_subscriptions_sse;
    ngx_ess_authorize_conf_t *authorizes;   /* as it is inherited */
    ngx_ess_authorize_conf_t *authorize;    /* a copy, where clients
                                               subscribe; NULL: nobody is
                                               asked */
    ngx_array_t             *origins;       /* of ngx_str_t; NULL: any */
    ngx_uint_t               metrics_streams;   /* at most so many of them */
    struct ngx_ess_call_conf_s *call;       /* of ess_rpc; NULL: none */
    struct ngx_ess_events_conf_s *events;   /* of ess_events; NULL: none */
} ngx_ess_loc_conf_t;


/* 1: clients subscribe in that location */
ngx_uint_t ngx_ess_conf_subscribes(ngx_ess_loc_conf_t *lcf);

/* NULL when there is no http {} block */
ngx_ess_main_conf_t *ngx_ess_conf_main(ngx_cycle_t *cycle);

void *ngx_ess_conf_create_main(ngx_conf_t *cf);
char *ngx_ess_conf_init_main(ngx_conf_t *cf, void *conf);
ngx_int_t ngx_ess_conf_check(ngx_conf_t *cf);
void *ngx_ess_conf_create_loc(ngx_conf_t *cf);
char *ngx_ess_conf_merge_loc(ngx_conf_t *cf, void *parent, void *child);

/* directive setters */
char *ngx_ess_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_ess_conf_node(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_ess_conf_public_url(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_ess_conf_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

#endif /* _NGX_ESS_CONF_H_INCLUDED_ */
