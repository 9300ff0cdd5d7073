# Compiler flags shared by everything of ours, and one static library plus its unit tests per folder.

add_library(casebridge_flags INTERFACE)
target_compile_options(casebridge_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
  -Wvla -fno-common -fstack-protector-strong)
target_compile_definitions(casebridge_flags INTERFACE _GNU_SOURCE
  CASEBRIDGE_VERSION="${PROJECT_VERSION}")
if(CASEBRIDGE_WERROR)
  target_compile_options(casebridge_flags INTERFACE -Werror)
endif()
if(CASEBRIDGE_CRASH_POINTS)
  target_compile_definitions(casebridge_flags INTERFACE CASEBRIDGE_CRASH_POINTS)
endif()
if(CASEBRIDGE_SANITIZE)
  target_compile_options(casebridge_flags INTERFACE
    -fsanitize=${CASEBRIDGE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(casebridge_flags INTERFACE -fsanitize=${CASEBRIDGE_SANITIZE})
  if(CASEBRIDGE_SANITIZE MATCHES "address")
    # Under a sanitizer each arena piece is its own malloc, so that overruns inside a block show.
    target_compile_definitions(casebridge_flags INTERFACE BR_ARENA_MALLOC_EACH)
  endif()
endif()

# casebridge_folder(name folder DEPS libs...): every .c of the folder becomes library `name`;
# every tests/unit/<folder>/*_test.c becomes a ctest of its own name.
# main.c belongs to the executable, not to the library.
function(casebridge_folder name folder)
  cmake_parse_arguments(A "" "" "DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.c)
  list(FILTER sources EXCLUDE REGEX "/main\\.c$")
  if(sources)
    add_library(${name} STATIC ${sources})
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/${folder})
    target_link_libraries(${name} PUBLIC casebridge_flags ${A_DEPS})
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${CMAKE_SOURCE_DIR}/${folder})
    target_link_libraries(${name} INTERFACE casebridge_flags ${A_DEPS})
  endif()
  file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${folder}/*_test.c)
  foreach(file ${tests})
    get_filename_component(test ${file} NAME_WE)
    add_executable(${test} ${file})
    target_link_libraries(${test} PRIVATE ${name} PkgConfig::cmocka)
    target_include_directories(${test} PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit)
    target_compile_definitions(${test} PRIVATE SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    if(test MATCHES "_torture_test$") # allocations fail in turn: tests/unit/torture.h
      target_link_options(${test} PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
    endif()
    set_target_properties(${test} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/unit)
    add_test(NAME ${test} COMMAND ${test} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  endforeach()
endfunction()
