# What plugins are built on: Python, an environment with Gradio and uv, compiled once. Built by build-base.sh.
ARG ROOT_FILE_SYSTEM
FROM ${ROOT_FILE_SYSTEM}
# The certificates that this host trusts, which may be more than its distribution's.
COPY ca.crt /etc/ssl/certs/ca-certificates.crt
ENV PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    VIRTUAL_ENV=/opt/venv LANG=C.UTF-8 PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy HOME=/tmp MPLCONFIGDIR=/tmp/matplotlib \
    GRADIO_ANALYTICS_ENABLED=False HF_HUB_DISABLE_TELEMETRY=1
# Where packages come from is a secret of the build: it is in no layer.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=cache,target=/cache \
    python3 -m venv /opt/venv && PIP_CACHE_DIR=/cache/pip pip install -q uv
ARG PACKAGES
# Without compiled files each start of an app takes twice as long: it may write none itself.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=cache,target=/cache \
    index="$(pip config get global.index-url 2>/dev/null || true)"; \
    if [ -n "$index" ]; then export UV_DEFAULT_INDEX="$index"; fi; \
    UV_CACHE_DIR=/cache/uv uv pip install -q $PACKAGES
WORKDIR /app
LABEL synapse.playground.base=1
