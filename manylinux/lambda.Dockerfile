# A function as a container image on AWS's own base, for teams whose pipeline is `docker build`.
#   docker build -f lambda.Dockerfile --build-arg BASE=… -t app dist/app-unpacked
# where the folder holds what function.zip holds. `build-native image dist/app` needs no engine, no
# base and gives the same bytes each time; this recipe is for those who want provided:al2023 beneath.

ARG BASE
FROM ${BASE}
COPY . /var/task/
ENV LAMBDA_TASK_ROOT=/var/task
WORKDIR /var/task
ENTRYPOINT ["/var/task/bootstrap"]
# As in `_HANDLER`; "bootstrap" stands for the handler that was named at build time.
CMD ["bootstrap"]
