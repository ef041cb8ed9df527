#!/usr/bin/env bash
# A root full of real AWS SDKs, old and new, from PyPI, npm and Debian, as applications have them; made once, outside of
# the tree. tests/sdk_zoo.py says what lies where. It is about 1.2 GB.
set -euo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/imds-probe/sdk-zoo-2
tests=$(cd "$(dirname "$0")" && pwd)
[ -e "$cache/made" ] && exit
python=$("$tests/interpreter.sh" oldest)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root"

packages() { # DIRECTORY PACKAGE...: as `pip install` leaves them in a virtual environment, without what they depend on
    local directory=$1
    shift
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --root-user-action ignore \
        --target "$root$directory/lib/python3.11/site-packages" "$@"
}

modules() { # DIRECTORY PACKAGE...
    local directory=$1
    shift
    mkdir -p "$root$directory"
    echo '{"name": "zoo", "version": "1.0.0", "private": true}' >"$root$directory/package.json"
    npm install --prefix "$root$directory" --silent --no-audit --no-fund --ignore-scripts "$@" 2>&1 | grep -v '^npm warn' || true
    [ -d "$root$directory/node_modules" ]
}

packages /opt/python-old boto3==1.9.253 botocore==1.12.253 s3transfer==0.2.1 awscli==1.16.260 jmespath==0.10.0 \
    python-dateutil==2.8.2 urllib3==1.25.11 six==1.17.0
packages /opt/python-new boto3==1.43.11 botocore==1.43.11 s3transfer jmespath python-dateutil urllib3==2.5.0 six \
    aiobotocore==3.10.0
packages /opt/python-boto boto==2.49.0
packages /opt/rust deltalake==1.6.6
packages /opt/cpp pyarrow==26.0.1
modules /srv/node-old aws-sdk@2.574.0
modules /srv/node-new aws-sdk@2.1692.0 @aws-sdk/client-s3@3.700.0

# Bundled and minified by esbuild, each into one script.
modules /../tools esbuild
mkdir -p "$root/srv/bundles"
for name in old:aws-sdk new:aws-sdk new:@aws-sdk/client-s3; do
    from=$root/srv/node-${name%%:*}
    out=$(tr -d '@' <<<"${name//[:\/]/-}")
    echo "require('${name#*:}'); setTimeout(() => {}, 600000)" >"$from/entry.js"
    node "$work/tools/node_modules/esbuild/install.js" >/dev/null 2>&1 || true
    "$work/tools/node_modules/.bin/esbuild" "$from/entry.js" --bundle --minify --platform=node --log-level=error \
        --outfile="$root/srv/bundles/$out.js"
    rm "$from/entry.js"
done

# Jars: the SDK's own, a bundle that has swallowed all of it, and archives of archives made from them.
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
    --dest "$work/spark" sagemaker-pyspark==1.4.5
mkdir -p "$root/opt/spark"
tar -xzf "$work"/spark/*.tar.gz -C "$root/opt/spark" --strip-components 3 --wildcards '*/deps/jars/*.jar'
"$python" "$tests/sdk_zoo.py" "$root"

# A program that PyInstaller bundled: its Python needs the shared library that Debian's has.
/usr/bin/python3 -m venv "$work/bundling"
"$work/bundling/bin/pip" install --quiet --disable-pip-version-check pyinstaller==6.16.0 boto3==1.43.11
echo 'import boto3, time; boto3.Session(); time.sleep(600)' >"$work/uploader.py"
"$work/bundling/bin/pyinstaller" --onedir --log-level ERROR --workpath "$work/build" --specpath "$work" \
    --distpath "$root/opt" "$work/uploader.py"

# Debian's packages, unpacked: Go programs without module information, gems, AWS CLI 2 as Debian builds it.
mkdir "$work/debs"
(cd "$work/debs" && apt-get download -qq awscli docker.io rclone restic aws-nuke prometheus ruby-aws-sdk-core \
    ruby-aws-sdk-s3 ruby-aws-partitions >/dev/null)
for deb in "$work"/debs/*.deb; do dpkg-deb --extract "$deb" "$root/debian"; done

mkdir -p "$(dirname "$cache")"
rm -rf "$cache"
mkdir "$cache"
mv "$root" "$cache/root"
touch "$cache/made"
