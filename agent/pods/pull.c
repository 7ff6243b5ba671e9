/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/pull.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/lib/times.h"
#include "agent/pod/image_meaning.h"
#include "agent/pods/pod_event.h"
#include "common/mem.h"

/* ---- which pod holds a package in its version
 * -------------------------------------------------------------------- */

static const char *label(const struct pod *p, const char *key)
{
        for (size_t i = 0; i < p->n_labels; i++)
                if (streq(p->labels[i].key, key))
                        return p->labels[i].value;
        return NULL;
}

/*
 * Are the two pods of one Deployment (the same labels but for the template's hash), in a rolling update? Then the new
 * pod may replace the package under the old one, which ends when the new one is ready. If the new one waited for the
 * old one, both would wait for ever.
 */
static bool same_deployment(const struct pod *a, const struct pod *b)
{
        static const char hash[] = "pod-template-hash";

        if (!streq(a->id.namespace, b->id.namespace) || a->n_labels != b->n_labels || a->n_labels < 2 ||
            !label(a, hash) || !label(b, hash))
                return false;
        for (size_t i = 0; i < a->n_labels; i++) {
                const char *other = label(b, a->labels[i].key);
                if (!other || (!streq(a->labels[i].key, hash) && !streq(other, a->labels[i].value)))
                        return false;
        }
        return true;
}

/* Does container k of `e` need its package now, in the version or from the file that its image names? */
static bool holds(const struct pod_entry *e, size_t k)
{
        const struct image *image = &e->pod->containers[k].parsed;
        const struct container_state *c = &e->state->containers[k];

        return image->kind != IMAGE_PATH && *image->version && (c->image_present || c->pulling) &&
               (!c->mark || c->mark == e->pod->containers[k].mark) &&
               !(e->pod->containers[k].ephemeral && !container_is_wanted(c, &e->pod->containers[k])) &&
               !e->pod->terminal && !e->dropped && !e->state->removed && !pod_is_finished(e->pod, e->state);
}

static bool contradicts(const struct image *a, const struct image *b)
{
        return streq(a->name, b->name) &&
               (!streq(a->version, b->version) || (*a->sha256 && *b->sha256 && !streq(a->sha256, b->sha256)));
}

/* The pod that holds the package of e's container i in another version, or from another file, than container i
 * names. */
static const struct pod_entry *holder(const struct pod_entry *e, size_t i, const struct image **ret)
{
        const struct image *want = &e->pod->containers[i].parsed;

        for (const struct pod_entry *other = e->pods->entries; other; other = other->hh.next)
                for (size_t k = 0; k < other->pod->n_containers; k++) {
                        *ret = &other->pod->containers[k].parsed;
                        if (holds(other, k) && contradicts(*ret, want) &&
                            (other == e || !same_deployment(other->pod, e->pod)))
                                return other;
                }
        return NULL;
}

/* ---- is the image installed?
 * ------------------------------------------------------------------------------------- */

/*
 * imagePullPolicy Always: a pod that is new here gets the newest candidate installed first. Not if the pod ran here
 * before, nor if the image names its version (that is always the same), nor if another pod holds the installed
 * version.
 */
static bool ensure_first(const struct pod_entry *e, size_t i)
{
        const struct container *spec = &e->pod->containers[i];
        const struct image *other;

        return spec->parsed.kind == IMAGE_PACKAGE && spec->pull_policy == PULL_ALWAYS && !*spec->parsed.version &&
               !*e->state->containers[i].invocation &&
               !installer_is_current(e->pods->parts.installer, spec->parsed.name) && !holder(e, i, &other);
}

static bool find_image(const struct pod_entry *e, size_t i, struct package *ret)
{
        return packages_has(e->pods->parts.packages, &e->pod->containers[i].parsed, ret);
}

/* Has the package no daemon, while another one of its source, not installed, has it (spamassassin: spamd)? */
static bool wants_daemon(const struct pod_entry *e, size_t i)
{
        return *e->images[i].daemon && !e->pod->containers[i].command &&
               e->pod->containers[i].pull_policy != PULL_NEVER;
}

/* Somebody wants to type or to look around, and gives no command: a package without a daemon is its program then. */
static bool wants_program(const struct pod_entry *e, size_t i)
{
        const struct container *spec = &e->pod->containers[i];

        return (spec->ephemeral || spec->tty || spec->has_stdin) && !spec->command && *e->images[i].program;
}

void pull_take(struct pod_entry *e, size_t i)
{
        const struct container *spec = &e->pod->containers[i];
        struct container_state *c = &e->state->containers[i];
        struct packages *packages = e->pods->parts.packages;
        struct err err = ERR_NONE;
        struct package found;
        char sha256[65];
        bool known;

        if (spec->parsed.kind == IMAGE_FOREIGN || spec->parsed.kind == IMAGE_INVALID)
                return;
        if (spec->parsed.kind == IMAGE_PATH) {
                if (access(spec->parsed.name, X_OK) < 0)
                        return;
                e->images[i] = (struct package_image){ 0 };
                free(e->image_ids[i]);
                e->image_ids[i] = spec->meaning ? xasprintf("file://%s", spec->parsed.name) : NULL;
        } else {
                if (!find_image(e, i, &found) || image_meaning_allows(spec, found.version, NULL) < 0)
                        return;
                known = packages_sha256(packages, &found, sha256);
                free(e->image_ids[i]);
                e->image_ids[i] = xasprintf("deb://%s@%s%s%s", found.name, found.version, known ? "@sha256:" : "",
                                            known ? sha256 : "");
                if ((spec->given_unit
                             ? packages_image_unit(packages, spec->parsed.name, spec->given_unit, &e->images[i], &err)
                             : packages_image(packages, spec->parsed.name, &e->images[i], &err)) < 0 ||
                    (!*e->images[i].unit && !spec->command && !*e->images[i].daemon && !wants_program(e, i) &&
                     err_set(&err, -EINVAL, NULL, "package %s: %s; %sgive a command", spec->parsed.name,
                             e->images[i].why, strstr(e->images[i].why, "; ") ? "or " : "") < 0)) {
                        if (!streq(kept_text(&c->pull_failure), err.text))
                                pod_event(e, spec, true, "Failed", "Error: %s", err.text);
                        snprintf(err.reason, sizeof(err.reason), "CreateContainerConfigError");
                        err_keep(&c->pull_failure, &err);
                        return;
                }
                if (!wants_program(e, i))
                        e->images[i].program[0] = '\0';
                if (wants_daemon(e, i)) /* another package is part of the image: it has to be installed first */
                        return;
        }
        c->image_present = true;
        err_forget(&c->pull_failure);
}

/* " as package redis-server (line 12 of /etc/vks/images.conf)": what an image is here that has another name; else "".
 */
static char *meaning_words(const struct container *spec)
{
        if (!spec->meaning)
                return xstrdup("");
        return xasprintf(" as %s %s (line %u of " IMAGES_FILE ")",
                         spec->parsed.kind == IMAGE_PATH ? "program" : "package", spec->parsed.name,
                         spec->meaning->line);
}

/* Said before anything is made of it: what follows may fail for that very reason. */
static void tell_differences(struct pod_entry *e, size_t i)
{
        const struct container *spec = &e->pod->containers[i];

        if (spec->meaning && spec->meaning->differs)
                pod_event(e, spec, true, "ImageDiffers",
                          "only image \"%s\" knows what to do with it, and %s does not: %s", spec->image,
                          spec->parsed.name, spec->meaning->differs);
}

static void tell_present(struct pod_entry *e, size_t i)
{
        const struct container *spec = &e->pod->containers[i];
        CLEANUP(freep) char *as = meaning_words(spec);
        struct package found;

        if (spec->meaning && spec->parsed.kind != IMAGE_PATH && find_image(e, i, &found))
                pod_event(e, spec, false, "Pulled", "Container image \"%s\" already present on machine%s: %s %s%s%s",
                          spec->image, as, found.name, found.version, *e->images[i].unit ? ", unit " : "",
                          e->images[i].unit);
        else
                pod_event(e, spec, false, "Pulled", "Container image \"%s\" already present on machine%s%s%s",
                          spec->image, as, *e->images[i].unit ? ", unit " : "", e->images[i].unit);
        tell_differences(e, i);
}

void pull_look(struct pod_entry *e)
{
        for (size_t i = 0; i < e->pod->n_containers; i++) {
                struct container_state *c = &e->state->containers[i];
                const struct container *spec = &e->pod->containers[i];
                if (c->image_present || c->mark || c->pulling || spec->refused.code || ensure_first(e, i) ||
                    (spec->ephemeral && !container_is_wanted(c, spec)))
                        continue;
                pull_take(e, i);
                if (!c->image_present || c->told_present)
                        continue;
                c->told_present = true;
                tell_present(e, i);
        }
}

/* ---- having it installed ----------------------------------------------------------------------------------------- */

static void fail(struct pod_entry *e, size_t i, const struct err *err)
{
        const struct container *spec = &e->pod->containers[i];
        struct container_state *c = &e->state->containers[i];

        err_keep(&c->pull_failure, err);
        c->pull_backoff = backoff_after(c->pull_backoff);
        c->pull_at = time_now() + c->pull_backoff;
        pod_event(e, spec, true, "Failed", "Failed to pull image \"%s\": %s", spec->image, err->text);
        pod_event(e, spec, true, "Failed", "Error: ErrImagePull");
        if (c->pull_backoff > BACKOFF_FIRST) { /* and so the status says (status.c) */
                pod_event(e, spec, false, "BackOff", "Back-off pulling image \"%s\": ErrImagePull: %s", spec->image,
                          err->text);
                pod_event(e, spec, true, "Failed", "Error: ImagePullBackOff");
        }
        pod_mark(e); /* the plan that led here knows nothing of the next try */
}

void pull_begin(struct pod_entry *e, size_t i)
{
        const struct container *spec = &e->pod->containers[i];
        struct container_state *c = &e->state->containers[i];
        const struct image *held = NULL;
        const struct pod_entry *other;
        CLEANUP(freep) char *as = meaning_words(spec);
        struct err err = ERR_NONE;

        if (spec->parsed.kind == IMAGE_INVALID) {
                (void)image_parse(spec->image, &(struct image){ 0 }, &err);
                err_keep(&c->pull_failure, &err);
                pod_event(e, spec, true, "InspectFailed", "%s", err.text);
                pod_event(e, spec, true, "Failed", "Error: InvalidImageName");
                return;
        }
        if (spec->pull_policy == PULL_NEVER) {
                err_keep_set(&c->pull_failure, -ENOENT, "ErrImageNeverPull",
                             "Container image \"%s\" is not present with pull policy of Never", spec->image);
                pod_event(e, spec, true, "ErrImageNeverPull", "%s", kept_text(&c->pull_failure));
                return;
        }
        if (spec->parsed.kind == IMAGE_FOREIGN) {
                (void)image_parse(spec->image, &(struct image){ 0 }, &err);
                fail(e, i, &err);
                return;
        }
        if (spec->parsed.kind == IMAGE_PATH) {
                err_set(&err, -ENOENT, "ErrImagePull", "there is no program %s on this node", spec->parsed.name);
                fail(e, i, &err);
                return;
        }
        other = *spec->parsed.version ? holder(e, i, &held) : NULL;
        if (other) {
                err_set(&err, -EBUSY, "ErrImagePull", "pod %s/%s holds %s at version %s%s%s", other->pod->id.namespace,
                        other->pod->id.name, held->name, held->version, *held->sha256 ? ", sha256 " : "", held->sha256);
                fail(e, i, &err);
                return;
        }
        c->pulling = true;
        pod_event(e, spec, false, "Pulling", "Pulling image \"%s\"%s", spec->image, as);
        installer_want(e->pods->parts.installer, &spec->parsed);
}

static void pull_again(struct pod_entry *e)
{
        for (size_t i = 0; i < e->pod->n_containers; i++) {
                struct container_state *c = &e->state->containers[i];
                if (c->pull_failure.code == -EBUSY && !c->image_present) {
                        c->pull_at = 0;
                        pod_mark(e);
                }
        }
}

void pull_release(struct pod_entry *e)
{
        bool held = e->holds;

        e->holds = false;
        for (size_t k = 0; k < e->pod->n_containers; k++)
                e->holds |= holds(e, k);
        for (struct pod_entry *other = e->pods->entries; held && !e->holds && other; other = other->hh.next)
                pull_again(other);
}

static void tell_pulled(struct pod_entry *e, size_t i, uint64_t usec)
{
        const struct container *spec = &e->pod->containers[i];
        CLEANUP(freep) char *as = meaning_words(spec);
        struct package found;

        if (find_image(e, i, &found))
                pod_event(e, spec, false, "Pulled", "Successfully pulled image \"%s\"%s in %.3fs: %s %s, %.1f MB%s%s",
                          spec->image, as, (double)usec / 1e6, found.name, found.version,
                          (double)found.installed_size / 1e6, *e->images[i].unit ? ", unit " : "", e->images[i].unit);
        tell_differences(e, i);
}

/* Is this what container i waits for: its image, or the package that has the image's daemon? */
static bool waits_for(const struct pod_entry *e, size_t i, const struct image *image)
{
        return e->state->containers[i].pulling &&
               (image_same(&e->pod->containers[i].parsed, image) ||
                (image->kind == IMAGE_PACKAGE && wants_daemon(e, i) && streq(e->images[i].daemon, image->name)));
}

static void pull_daemon(struct pod_entry *e, size_t i)
{
        struct image daemon = { .kind = IMAGE_PACKAGE };

        snprintf(daemon.name, sizeof(daemon.name), "%s", e->images[i].daemon);
        e->state->containers[i].pulling = true;
        pod_event(e, &e->pod->containers[i], false, "Pulling", "Pulling package %s, which has the daemon of %s",
                  daemon.name, e->pod->containers[i].parsed.name);
        installer_want(e->pods->parts.installer, &daemon);
}

/* Is the package there, and not in a version that may stand for the image? */
static bool is_misfit(const struct pod_entry *e, size_t i, struct err *ret)
{
        struct package found;

        *ret = ERR_NONE;
        return find_image(e, i, &found) && image_meaning_allows(&e->pod->containers[i], found.version, ret) < 0;
}

void pods_installed(void *userdata, const struct image *image, const struct err *err, uint64_t usec)
{
        struct pods *ps = userdata;
        struct pod_entry *e, *next;
        struct err misfit;

        HASH_ITER (hh, ps->entries, e, next) {
                for (size_t i = 0; i < e->pod->n_containers; i++) {
                        struct container_state *c = &e->state->containers[i];
                        if (!waits_for(e, i, image))
                                continue;
                        c->pulling = false;
                        if (err->code) {
                                fail(e, i, err);
                        } else if (is_misfit(e, i, &misfit)) {
                                fail(e, i, &misfit);
                        } else {
                                c->pull_backoff = c->pull_at = 0;
                                pull_take(e, i);
                                if (!c->image_present && wants_daemon(e, i)) {
                                        pull_daemon(e, i);
                                        continue;
                                }
                                c->told_present = true;
                                tell_pulled(e, i, usec);
                        }
                        pod_mark(e);
                }
        }
}

void pods_install_progress(void *userdata, const struct image *image, const char *words)
{
        struct pods *ps = userdata;

        for (struct pod_entry *e = ps->entries; e; e = e->hh.next)
                for (size_t i = 0; i < e->pod->n_containers; i++)
                        if (waits_for(e, i, image))
                                pod_event(e, &e->pod->containers[i], false, "Pulling", "Pulling image \"%s\": %s",
                                          e->pod->containers[i].image, words);
}
