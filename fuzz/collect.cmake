# SPDX-License-Identifier: Apache-2.0
# Fuzzers of what training, collecting and the command read.
if(NOT MLSEL_BUILD_COLLECT)
  return()
endif()

# Files for what reads paths.
add_library(fuzz_temporary STATIC temporary.c)
target_link_libraries(fuzz_temporary PUBLIC fuzz_support)

mlsel_add_fuzzer(metrics INTERNAL LIBRARIES mlsel_collect DICTIONARY metrics.dict MAX_LEN 1024)
mlsel_add_fuzzer(chat INTERNAL LIBRARIES mlsel_collect DICTIONARY chat.dict MAX_LEN 2048)
mlsel_add_fuzzer(secrets INTERNAL LIBRARIES mlsel_collect DICTIONARY secrets.dict MAX_LEN 512)
mlsel_add_fuzzer(results INTERNAL SOURCES json_lines.c LIBRARIES mlsel_collect fuzz_temporary DICTIONARY records.dict MAX_LEN 2048)
mlsel_add_fuzzer(records INTERNAL SOURCES json_lines.c LIBRARIES mlsel_train_static DICTIONARY records.dict MAX_LEN 2048)
mlsel_add_fuzzer(members INTERNAL LIBRARIES mlsel_collect DICTIONARY records.dict MAX_LEN 1024)
mlsel_add_fuzzer(queries INTERNAL LIBRARIES fuzz_temporary DICTIONARY queries.dict MAX_LEN 2048
                 SOURCES ../tools/embedding_file.c ../tools/input.c ../tools/jsonl.c ../tools/npy.c ../tools/source.c
                         ../tools/text.c ../tools/tool.c)
mlsel_add_fuzzer(cache INTERNAL LIBRARIES mlsel_train_static fuzz_temporary MAX_LEN 512)
mlsel_add_fuzzer(models INTERNAL LIBRARIES mlsel_collect DICTIONARY models.dict MAX_LEN 2048)
if(NOT APPLE) # whose linker cannot take a function's place
  mlsel_add_fuzzer(servers INTERNAL SOURCES fake_curl.c LIBRARIES mlsel_collect fuzz_temporary DICTIONARY servers.dict
                   MAX_LEN 4096)
  target_link_options(fuzz_servers PRIVATE LINKER:--wrap=curl_easy_setopt LINKER:--wrap=curl_easy_perform
                      LINKER:--wrap=curl_easy_getinfo LINKER:--wrap=curl_easy_reset LINKER:--wrap=nanosleep)
endif()
mlsel_add_fuzzer(train INTERNAL LIBRARIES mlsel_train_static fuzz_temporary MAX_LEN 1024)
