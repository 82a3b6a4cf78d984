/* SPDX-License-Identifier: Apache-2.0 */
/* The converter: what it cannot use it refuses in a line, leaving nothing behind; and
 * the trie it builds finds every word and no other. */
#include "prepack.h"
#include "trie.h"
#include "word_list.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], weights[128], words[128], out[128];

#define SPECIALS "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n##s\n"

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/petiole-prepack-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(weights, sizeof(weights), "%s/model.safetensors", folder);
    snprintf(words, sizeof(words), "%s/vocab.txt", folder);
    snprintf(out, sizeof(out), "%s/out.ptlm", folder);
    return 0;
}

/* Counts what is in the folder beside the two inputs, and removes it all. */
static int clear_folder(void)
{
    int others = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[400];
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        others += strcmp(path, weights) != 0 && strcmp(path, words) != 0;
        unlink(path);
    }
    closedir(d);
    return others;
}

static int remove_folder(void **state)
{
    (void)state;
    clear_folder();
    return rmdir(folder);
}

static void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static void write_weights(const char *header, uint64_t claimed)
{
    char file[4096];
    size_t n = strlen(header);
    memcpy(file, &claimed, 8);
    memcpy(file + 8, header, n);
    write_file(weights, file, 8 + n);
}

static void assert_refused(const char *reason)
{
    char why[512] = "";
    assert_int_equal(prepack_model(weights, words, out, why, sizeof(why)), -EINVAL);
    if (!strstr(why, reason) || strchr(why, '\n'))
        fail_msg("said \"%s\", should say \"%s\"", why, reason);
    assert_int_equal(clear_folder(), 0);
}

static void weights_that_are_no_safetensors_are_refused(void **state)
{
    (void)state;
    write_file(weights, "abc", 3);
    assert_refused("no safetensors file");
    write_weights("{}", 1000);
    assert_refused("no safetensors file");
    write_weights("{}", UINT64_MAX);
    assert_refused("no safetensors file");
    write_weights("{\"a\"", 4);
    assert_refused("not JSON");
    write_weights("[1]", 3);
    assert_refused("not JSON");
}

static void assert_tensor_refused(const char *tensor, const char *reason)
{
    char header[1024];
    snprintf(header, sizeof(header), "{\"embeddings.word_embeddings.weight\":%s}",
             tensor);
    write_weights(header, strlen(header));
    write_file(words, SPECIALS, strlen(SPECIALS));
    assert_refused(reason);
}

static void tensors_that_are_not_the_models_are_named(void **state)
{
    (void)state;
    assert_tensor_refused(
        "{\"dtype\":\"F16\",\"shape\":[6,384],\"data_offsets\":[0,4]}",
        "embeddings.word_embeddings.weight is not fp32");
    assert_tensor_refused(
        "{\"dtype\":\"F32\",\"shape\":[6,768],\"data_offsets\":[0,4]}",
        "has not the shape");
    assert_tensor_refused("{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0,4]}",
                          "has not the shape");
    assert_tensor_refused("{\"dtype\":\"F32\",\"shape\":6,\"data_offsets\":[0,4]}",
                          "has not the shape");
    const char *const offsets[] = {"[0,4]",
                                   "[0,9216]",
                                   "[-9216,0]",
                                   "[9216,0]",
                                   "[0]",
                                   "\"x\"",
                                   "[0,9223372036854775807]"};
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        char tensor[200];
        snprintf(tensor, sizeof(tensor),
                 "{\"dtype\":\"F32\",\"shape\":[6,384],\"data_offsets\":%s}",
                 offsets[i]);
        assert_tensor_refused(tensor, "lies outside of the file");
    }
    assert_tensor_refused("null", "is missing");
    assert_tensor_refused("7", "is not fp32");
}

static void vocabularies_that_are_none_are_refused(void **state)
{
    (void)state;
    const struct {
        const char *text, *reason;
    } cases[] = {
        {"", "neither a vocab.txt nor a tokenizer.json"},
        {"{\"model\":{}}", "neither a vocab.txt nor a tokenizer.json"},
        {"{\"model\":{\"vocab\":{\"a\":\"b\"}}}", "neither a vocab.txt"},
        {"{\"model\":{\"vocab\":{\"a\":-1}}}", "neither a vocab.txt"},
        {"{\"model\":", "neither a vocab.txt"},
        {"one\ntwo\n", "lacks ## pieces or one of"},
        {SPECIALS "twice\ntwice\n", "a word is there twice"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_weights("{}", 2);
        write_file(words, cases[i].text, strlen(cases[i].text));
        assert_refused(cases[i].reason);
    }
}

static void a_missing_input_is_named(void **state)
{
    (void)state;
    char why[512];
    assert_int_equal(prepack_model(weights, words, out, why, sizeof(why)), -ENOENT);
    assert_non_null(strstr(why, weights));
    write_weights("{}", 2);
    assert_int_equal(prepack_model(weights, words, out, why, sizeof(why)), -ENOENT);
    assert_non_null(strstr(why, words));
}

static void a_trie_finds_every_word_and_no_other(void **state)
{
    (void)state;
    enum { N = 3000 };
    static char text[N][8];
    static struct trie_word list[N];
    struct trie t;
    uint32_t seed = 1;
    size_t n = 0;
    for (size_t i = 0; i < N; i++) {
        size_t length = 1 + i % 7; /* numbered, so that none is there twice */
        for (size_t j = 0; j < length; j++)
            text[i][j] = (char)(seed = seed * 1664525 + 1013904223, seed >> 24);
        memcpy(text[i], &(uint16_t){(uint16_t)i}, length < 2 ? 1 : 2);
        if (length > 1 || i < 256)
            list[n++] = (struct trie_word){{text[i], length}, (uint32_t)i};
    }
    assert_int_equal(trie_build(&t, list, n), 0);
    for (size_t i = 0; i < n; i++) {
        uint32_t slot = trie_find(&t, list[i].text);
        assert_true(slot != TRIE_NONE);
        assert_int_equal(t.slots[slot].id, list[i].id);
    }
    for (size_t i = 0; i < t.n; i++)
        assert_true(t.slots[i].base + 255 < t.n);
    assert_int_equal(trie_find(&t, STR("no such word")), TRIE_NONE);
    trie_finish(&t);
}

#define IN_A_FOLDER(test)                                                              \
    cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(weights_that_are_no_safetensors_are_refused),
        IN_A_FOLDER(tensors_that_are_not_the_models_are_named),
        IN_A_FOLDER(vocabularies_that_are_none_are_refused),
        IN_A_FOLDER(a_missing_input_is_named),
        cmocka_unit_test(a_trie_finds_every_word_and_no_other),
    };
    return cmocka_run_group_tests_name("prepack", tests, NULL, NULL);
}
