
/*
 * What clients are sent of an event.  Templates belong to the configuration's
 * pool, one for each text, so that locations with the same one share frames.
 * Runs in the master.
 */


#include "ngx_ess_conf_body.h"
#include "ngx_ess_encoding_envelope.h"
#include "ngx_ess_encoding_sse.h"
#include "ngx_ess_encoding_template.h"
#include "ngx_ess_encoding_ws.h"
#include "ngx_ess_str.h"


typedef enum {
    NGX_ESS_CONF_BODY_VALUE = 0,
    NGX_ESS_CONF_BODY_ENVELOPE,
    NGX_ESS_CONF_BODY_TEXT
} ngx_ess_conf_body_e;


static char *ngx_ess_conf_body_text(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_ess_loc_conf_t *lcf, ngx_str_t *text);
static void ngx_ess_conf_body_encodings(ngx_ess_loc_conf_t *conf,
    ngx_uint_t body);


static ngx_conf_enum_t  ngx_ess_conf_body_words[] = {
    { ngx_string("value"), NGX_ESS_CONF_BODY_VALUE },
    { ngx_string("envelope"), NGX_ESS_CONF_BODY_ENVELOPE },
    { ngx_string("text"), NGX_ESS_CONF_BODY_TEXT },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_ess_conf_body_on_words[] = {
    { ngx_string("on"), 1 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_ess_conf_body_switch_words[] = {
    { ngx_string("on"), 1 },
    { ngx_string("off"), 0 },
    { ngx_null_string, 0 }
};


static const ngx_ess_param_t  ngx_ess_conf_body_annotate_params[] = {

    { ngx_string("value"), ngx_ess_param_enum,
      offsetof(ngx_ess_loc_conf_t, annotate), 0, 0,
      "\"on\" or \"off\" alone", ngx_ess_conf_body_on_words },

    { ngx_string("gaps"), ngx_ess_param_enum,
      offsetof(ngx_ess_loc_conf_t, annotate_gaps), 0, 0,
      "\"gaps=on\" or \"gaps=off\"", ngx_ess_conf_body_switch_words },

    { ngx_string("strict"), ngx_ess_param_enum,
      offsetof(ngx_ess_loc_conf_t, annotate_strict), 0, 0,
      "\"strict=on\" or \"strict=off\"", ngx_ess_conf_body_switch_words },

    ngx_ess_null_param
};


ngx_ess_param_directive_t  ngx_ess_conf_body_annotate = {
    ngx_ess_conf_body_annotate_params, 1,
    "\"gaps=\" and \"strict=\" behind \"on\"", 1, 0
};


void
ngx_ess_conf_body_create(ngx_ess_loc_conf_t *lcf)
{
    /* set by ngx_pcalloc(): lcf->body_template = NULL */

    lcf->body = NGX_CONF_UNSET_UINT;
    lcf->annotate = NGX_CONF_UNSET_UINT;
    lcf->annotate_gaps = NGX_CONF_UNSET_UINT;
    lcf->annotate_strict = NGX_CONF_UNSET_UINT;
}


char *
ngx_ess_conf_body_merge(ngx_conf_t *cf, ngx_ess_loc_conf_t *prev,
    ngx_ess_loc_conf_t *conf, ngx_uint_t plain)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (conf->body == NGX_CONF_UNSET_UINT) {
        conf->body = prev->body;
        conf->body_template = prev->body_template;
    }

    ngx_conf_init_uint_value(conf->body, 0);

    if (conf->annotate == NGX_CONF_UNSET_UINT) {
        conf->annotate = prev->annotate;
        conf->annotate_gaps = prev->annotate_gaps;
        conf->annotate_strict = prev->annotate_strict;
    }

    ngx_conf_init_uint_value(conf->annotate, 0);
    ngx_conf_init_uint_value(conf->annotate_gaps, 1);
    ngx_conf_init_uint_value(conf->annotate_strict, 0);

    if (conf->annotate && conf->body != NGX_ESS_CONF_BODY_VALUE
        && conf->serves
        && (ngx_strcmp(conf->serves->directive, "ess_subscribe") == 0
            || ngx_strcmp(conf->serves->directive, "ess_events") == 0))
    {
        clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"ess_annotate\" and \"ess_body %V\" in location "
                      "\"%V\" contradict each other: there add "
                      "\"ess_annotate off;\" or \"ess_body value;\"",
                      &ngx_ess_conf_body_words[conf->body].name, &clcf->name);
        return NGX_CONF_ERROR;
    }

    ngx_ess_conf_body_encodings(conf,
                                plain ? NGX_ESS_CONF_BODY_VALUE : conf->body);

    return NGX_CONF_OK;
}


static void
ngx_ess_conf_body_encodings(ngx_ess_loc_conf_t *conf, ngx_uint_t body)
{
    ngx_uint_t                  i, kind;
    const ngx_ess_encoding_t  **ws, **sse;

    ws = conf->encodings[NGX_ESS_TRANSPORT_WEBSOCKET];
    sse = conf->encodings[NGX_ESS_TRANSPORT_SSE];

    kind = ngx_ess_encoding_ws_kind(conf->annotate, conf->annotate_strict,
                                    conf->annotate_gaps);

    for (i = 0; i < 2; i++) {

        switch (body) {

        case NGX_ESS_CONF_BODY_ENVELOPE:
            ws[i] = &ngx_ess_encoding_envelope[0][i];
            sse[i] = &ngx_ess_encoding_envelope_sse[i];
            break;

        case NGX_ESS_CONF_BODY_TEXT:
            ws[i] = &conf->body_template->ws[i].encoding;
            sse[i] = &conf->body_template->sse[i].encoding;
            break;

        default: /* NGX_ESS_CONF_BODY_VALUE */
            ws[i] = &ngx_ess_encoding_ws[kind][i];
            sse[i] = &ngx_ess_encoding_sse[i];
        }
    }
}


char *
ngx_ess_conf_body(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_loc_conf_t  *lcf = conf;

    ngx_str_t        *value;
    ngx_conf_enum_t  *word;

    if (lcf->body != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (word = ngx_ess_conf_body_words; word->name.len; word++) {

        if (ngx_ess_str_equal(&value[1], &word->name)
            && (word->value == NGX_ESS_CONF_BODY_TEXT)
               == (cf->args->nelts == 3))
        {
            lcf->body = word->value;

            return cf->args->nelts == 3
                   ? ngx_ess_conf_body_text(cf, cmd, lcf, &value[2])
                   : NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" has the invalid value \"%V\", it must be "
                       "\"value\" or \"envelope\" alone, or \"text\" and a "
                       "template, such as \"text '{\"order\": "
                       "${json:/order/id}}'\"", &cmd->name, &value[1]);

    return NGX_CONF_ERROR;
}


static char *
ngx_ess_conf_body_text(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_ess_loc_conf_t *lcf, ngx_str_t *text)
{
    ngx_int_t                      rc;
    ngx_uint_t                     i;
    ngx_ess_main_conf_t           *mcf;
    ngx_ess_template_error_t       error;
    ngx_ess_encoding_template_t  **template;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_module);
    template = mcf->templates.elts;

    for (i = 0; i < mcf->templates.nelts; i++) {

        if (ngx_ess_str_equal(&template[i]->text, text)) {
            lcf->body_template = template[i];
            return NGX_CONF_OK;
        }
    }

    template = ngx_array_push(&mcf->templates);
    if (template == NULL) {
        return NGX_CONF_ERROR;
    }

    *template = ngx_palloc(cf->pool, sizeof(ngx_ess_encoding_template_t));
    if (*template == NULL) {
        return NGX_CONF_ERROR;
    }

    lcf->body_template = *template;

    rc = ngx_ess_encoding_template_init(*template, cf->pool, text, &error);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has an invalid template, at its character "
                           "%uz: %s, in \"%V\"", &cmd->name, error.at,
                           error.detail, text);
    }

    return rc == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}
