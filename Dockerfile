# Checks every hash of the lock in the first stage; the second installs, from those files alone, what the product needs.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements requirements
RUN pip download --no-cache-dir --require-hashes --only-binary :all: \
    -r requirements/py313-django61.txt -d /wheels
COPY . .
RUN pip install --no-index --find-links /wheels setuptools \
    && pip wheel --no-deps --no-index --no-build-isolation -w /wheels .

FROM python:3.13-slim
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels holdfast \
    && useradd --create-home holdfast
USER holdfast
EXPOSE 8000
CMD ["holdfast", "serve", "--host", "0.0.0.0"]
