# Installing packages and building, for ./run and ./test, which source this file.
# Everything said here goes to standard error: standard output belongs to the archive and the tests.
# shellcheck shell=bash

latent_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

say() { printf '%s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# as_root COMMAND…: directly for root, else by sudo, which may ask for the password.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "This needs root, and sudo is not there. As root, run: $*"
  fi
}

# missing_packages FILE…: names in the files that are not installed, one a line.
missing_packages() {
  local wanted installed
  wanted=$(sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$@")
  # shellcheck disable=SC2086  # one word a package
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
    sed -n 's/^installed //p' || true)
  comm -23 <(sort -u <<<"$wanted") <(sort -u <<<"$installed")
}

# show_apt_progress TOTAL: turns apt's output into few lines, or one that moves on a terminal.
show_apt_progress() {
  local total=$1 fetched=0 set_up=0 line shown=''
  while IFS= read -r line; do
    case $line in
      Get:*) fetched=$((fetched + 1)) ;;
      'Setting up '*) set_up=$((set_up + 1)) ;;
      *) continue ;;
    esac
    line="packages: $fetched downloaded, $set_up of $total set up"
    if [ -t 2 ]; then
      printf '\r%s' "$line" >&2
    elif [ $(((fetched + set_up) % 25)) -eq 0 ]; then
      say "$line"
    fi
    shown=$line
  done
  if [ -t 2 ] && [ -n "$shown" ]; then printf '\n' >&2; fi
}

# install_packages FILE…: installs what is missing, asks nothing, does nothing when all is there.
install_packages() {
  local missing log total status=0 no_cluster=''
  missing=$(missing_packages "$@")
  if [ -z "$missing" ]; then return 0; fi
  # shellcheck disable=SC2086
  say "packages: missing are" $missing
  mkdir -p "$latent_root/build"
  log=$latent_root/build/packages.log
  : >"$log"

  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold)
  say "packages: reading the package lists"
  as_root "${apt[@]}" update >>"$log" 2>&1 ||
    say "packages: the lists could not be renewed; trying with those that are there"

  # Debian's PostgreSQL would make and start a cluster for the whole machine. The archive has its
  # own, so that is switched off for this one installation, unless PostgreSQL is here already.
  if grep -q '^postgresql-15$' <<<"$missing" && [ ! -e /etc/postgresql ]; then
    no_cluster=/etc/postgresql-common/createcluster.d/latent.conf
    as_root mkdir -p "${no_cluster%/*}"
    as_root sh -c "echo 'create_main_cluster = false' >$no_cluster"
  fi

  # shellcheck disable=SC2086
  total=$(LC_ALL=C "${apt[@]}" -s --no-install-recommends install $missing 2>>"$log" | grep -c '^Inst ' || true)
  # shellcheck disable=SC2086
  LC_ALL=C as_root "${apt[@]}" --no-install-recommends install $missing 2>&1 </dev/null |
    tee -a "$log" | show_apt_progress "$total" || status=1
  if [ -n "$no_cluster" ]; then as_root rm -f "$no_cluster"; fi
  if [ "$status" -ne 0 ] || [ -n "$(missing_packages "$@")" ]; then
    tail -n 30 "$log" >&2
    die "packages: could not be installed; the whole story is in $log"
  fi
  say "packages: all there"
  packages_changed=yes
}

# build_jobs: compilers at a time, so that each has a core and 2 GB of memory.
build_jobs() {
  local cores memory_mib jobs
  cores=$(nproc)
  memory_mib=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
  jobs=$((memory_mib / 2048))
  if [ "$jobs" -gt "$cores" ]; then jobs=$cores; fi
  if [ "$jobs" -lt 1 ]; then jobs=1; fi
  printf '%s' "$jobs"
}

# build PRESET [TARGET…]: configures when needed and builds; a fresh build does nothing.
build() {
  local preset=$1 folder=$latent_root/build/$1 jobs
  shift
  if [ ! -f "$folder/build.ninja" ] || [ "${packages_changed:-no}" = yes ] || [ "${reconfigure:-no}" = yes ]; then
    mkdir -p "$folder"
    say "build: configuring $preset"
    if ! (cd "$latent_root" && cmake --preset "$preset") >"$folder/configure.log" 2>&1; then
      tail -n 30 "$folder/configure.log" >&2
      die "build: configuring failed; the whole story is in $folder/configure.log"
    fi
  fi
  jobs=$(build_jobs)
  NINJA_STATUS="build: [%f/%t, %e s] " ninja -C "$folder" -j "$jobs" "$@" >&2 ||
    die "build: failed; the error stands above"
}
