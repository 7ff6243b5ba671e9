/* SPDX-License-Identifier: Apache-2.0 */
/* subPath: a part of a volume. */
#include "tests/unit/helper/asking.h"

TestSuite(helper_parts, .init = setup, .fini = teardown);

#define PARTS "/var/lib/vks/pods/" UID "/parts"

/* As a root daemon could do it that writes to the volume: nothing of root's follows a name that lies in one. */
Test(helper_parts, a_part_of_an_empty_directory_lies_beside_it_and_is_mounted_over_its_place)
{
        struct asked *a = sleeper();
        Vks__Mount part = VKS__MOUNT__INIT, other = VKS__MOUNT__INIT, *mounts[] = { &part };
        Vks__Mount *both[] = { &a->mount, &part, &other };

        a->c2.mounts = mounts, a->c2.n_mounts = 1, a->m.n_containers = 2;
        part.volume = STR("disk"), part.path = STR("/tmp/part"), part.sub_path = STR("a/b");
        with_mount(a, "disk", "/tmp/whole");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert_eq(mode_of(PARTS "/disk:a:b"), 0777);
        cr_assert_eq(mode_of(PARTS), 0700);
        cr_assert(holds(SLEEP_DROPIN, "BindPaths=\"/var/lib/vks/pods/" UID "/volumes/disk\":\"/tmp/whole\"\n"
                                      "BindPaths=\"" PARTS "/disk:a:b\":\"/tmp/whole/a/b\"\n"));
        cr_assert(is_there("/var/lib/vks/pods/" UID "/volumes/disk/a/b"));

        /* the same again, with a link in its place */
        cr_assert_eq(rename("/var/lib/vks/pods/" UID "/volumes/disk/a/b", "/var/lib/vks/pods/" UID "/volumes/disk/c"),
                     0);
        cr_assert_eq(symlink("/etc", "/var/lib/vks/pods/" UID "/volumes/disk/a/b"), 0);
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->rule, "mount-target");
        expect(-EPERM, "/tmp/whole/a/b: a symbolic link is on the way");
        a->c.n_mounts = 0;
        cr_assert_eq(write_pod(a), 0, "the part does not go that way: %s", reply->text);

        /* Nothing is mounted over what the pod mounts itself; what lies in a part is its part, too. */
        cr_assert_eq(unlink("/var/lib/vks/pods/" UID "/volumes/disk/a/b"), 0);
        a->c.mounts = both, a->c.n_mounts = 3, a->m.n_containers = 1;
        part.path = STR("/tmp/whole/a/b"), part.read_only = true;
        other.volume = STR("disk"), other.path = STR("/tmp/a"), other.sub_path = STR("a");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLEEP_DROPIN, "BindReadOnlyPaths=\"" PARTS "/disk:a:b\":\"/tmp/whole/a/b\"\n") &&
                  !holds(SLEEP_DROPIN, "BindPaths=\"" PARTS "/disk:a:b\":\"/tmp/whole/a/b\"\n"));
        cr_assert(holds(SLEEP_DROPIN, "BindPaths=\"" PARTS "/disk:a\":\"/tmp/whole/a\"\n"));
        cr_assert(holds(SLEEP_DROPIN, "BindPaths=\"" PARTS "/disk:a:b\":\"/tmp/a/b\"\n"));
}

/* `n` parts of the volume, beginning with that number, each with a mount of its own in one container. */
static int write_parts(struct asked *a, unsigned first, unsigned n)
{
        static Vks__Mount parts[256], *mounts[256];
        static char names[256][16], targets[256][32];

        for (unsigned i = 0; i < n; i++) {
                vks__mount__init(&parts[i]);
                snprintf(names[i], sizeof(names[i]), "p%u", first + i);
                snprintf(targets[i], sizeof(targets[i]), "/tmp/t%u", first + i);
                parts[i].volume = STR("disk"), parts[i].sub_path = names[i], parts[i].path = targets[i];
                mounts[i] = &parts[i];
        }
        a->c.mounts = mounts, a->c.n_mounts = n;
        return write_pod(a);
}

Test(helper_parts, parts_are_so_many_and_no_more)
{
        struct asked *a = sleeper();
        Vks__Mount whole[2] = { VKS__MOUNT__INIT, VKS__MOUNT__INIT }, *both[] = { &whole[0], &whole[1] };

        for (unsigned first = 0; first < 750; first += 250)
                cr_assert_eq(write_parts(a, first, 250), 0, "%s", reply->text);
        whole[0].volume = whole[1].volume = STR("disk"), whole[0].path = STR("/tmp/a"), whole[1].path = STR("/tmp/b");
        a->c.mounts = both, a->c.n_mounts = 2;
        cr_assert_eq(write_pod(a), -E2BIG);
        expect(-E2BIG, "volumeMounts: more than 1024 parts of volumes in one container");
        cr_assert_eq(write_parts(a, 750, 250), 0, "%s", reply->text);
        cr_assert_eq(write_parts(a, 1000, 250), 0, "%s", reply->text);
        cr_assert_eq(write_parts(a, 1250, 1), -E2BIG, "who asks for others again and again");
        cr_assert_not(is_there(PARTS "/disk:p1250"));
}

Test(helper_parts, a_part_of_files_must_be_there)
{
        struct asked *a = sleeper();
        Vks__File f = VKS__FILE__INIT, *files[] = { &f };
        Vks__Fill m = VKS__FILL__INIT;

        m.pod = &pod, m.volume = STR("files"), m.files = files, m.n_files = 1;
        f.path = STR("sub/key"), f.mode = 0644, f.content = (ProtobufCBinaryData){ 5, (uint8_t *)STR("value") };
        cr_assert_eq(ask(VERB_fill, &m.base), 0, "%s", reply->text);
        with_mount(a, "files", "/tmp/conf");
        a->mount.sub_path = STR("sub/none");
        cr_assert_eq(write_pod(a), -ENOENT);
        expect(-ENOENT, "subPath \"sub/none\" is not in volume files");
        a->mount.sub_path = STR("sub/key");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(holds(SLEEP_DROPIN, "BindPaths=\"/run/vks/pods/" UID "/files/files/sub/key\":\"/tmp/conf\"\n"));
        cr_assert(holds("/run/vks/pods/" UID "/tmp/conf", ""), "a file's mount point is a file");
}

Test(helper_parts, a_part_of_a_host_path_is_one_itself)
{
        struct asked *a = sleeper();

        put_policy("host-path = /srv rw /srv/x/new/y/keys ro");
        own_directory("/srv", NULL);
        cr_assert_eq(mkdir("/srv/x", 0755), 0);
        a->m.n_volumes = 4, a->path.path = STR("/srv/x"), a->path.type = STR("Directory");
        with_mount(a, "host", "/tmp/host");
        a->mount.sub_path = STR("new/y");
        cr_assert_eq(write_pod(a), -EPERM, "what lies in it is read-only, so all of it is");
        put_policy("host-path = /srv rw");
        cr_assert_eq(write_pod(a), 0, "%s", reply->text);
        cr_assert(is_there("/srv/x/new/y") && holds(SLEEP_DROPIN, "BindPaths=\"/srv/x/new/y\":\"/tmp/host\"\n"));
        a->mount.sub_path = STR("none"), a->mount.read_only = true;
        cr_assert_eq(write_pod(a), -ENOENT, "none is made where the pod only reads");
        cr_assert_eq(symlink("/etc", "/srv/x/link"), 0);
        a->mount.sub_path = STR("link/ssl");
        cr_assert_eq(write_pod(a), -EPERM);
        cr_assert_str_eq(reply->rule, "host-path");
        cr_assert_eq(chmod("/srv/x", 0777), 0);
        a->mount.sub_path = STR("new"), a->mount.read_only = false;
        cr_assert_eq(write_pod(a), -EPERM, "somebody could put a link there");
        cr_assert_str_eq(reply->rule, "host-path");
}
