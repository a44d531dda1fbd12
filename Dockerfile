# Builds from a wheel in dist/ (`python -m build`), so that what runs is what was released:
#   docker build -t kgalign .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/data" kgalign run a.ttl b.ttl -o out
# Where no package index is to be asked, put the wheels of what kgalign needs into dist/ as well
# (`pip download -d dist dist/kgalign-*.whl`) and build with --network none --build-arg PIP_NO_INDEX=1.
ARG PYTHON=3.12
FROM python:${PYTHON}-slim

ARG PIP_NO_INDEX=
COPY dist/*.whl /tmp/wheels/
RUN PIP_NO_INDEX="${PIP_NO_INDEX}" pip install --no-cache-dir --disable-pip-version-check --root-user-action ignore \
      --find-links /tmp/wheels /tmp/wheels/kgalign-*.whl \
 && rm -r /tmp/wheels \
 && useradd --create-home --uid 1000 kgalign

USER kgalign
# Whoever runs it with --user has no home there.
ENV HOME=/tmp
WORKDIR /data
ENTRYPOINT ["kgalign"]
CMD ["--help"]
