# An image that serves the models of a workspace. It keeps to SageMaker's contract for containers: started with the
# argument `serve`, it answers /ping and /invocations on port 8080 with what the platform has put in /opt/ml/model.
# See docs/protocols/sagemaker.md.

FROM node:24.21.0-bookworm-slim AS package
WORKDIR /source
# Its install script would fetch libraries for GPUs.
ENV ONNXRUNTIME_NODE_INSTALL=skip
COPY . .
RUN npm ci --no-audit --no-fund \
  && mkdir /package \
  && npm pack --pack-destination /package \
  && mv /package/servery-*.tgz /package/servery.tgz

FROM node:24.21.0-bookworm-slim
# Several models by the multi-model API, and the port that a pipeline of containers chooses.
LABEL com.amazonaws.sagemaker.capabilities.multi-models=true
LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true
# Whoever publishes the port of a container decides who reaches it, so that inside it may listen on all addresses.
ENV NODE_ENV=production \
  ONNXRUNTIME_NODE_INSTALL=skip \
  MALLOC_MMAP_THRESHOLD_=1048576 \
  SAGEMAKER_BASE_DIR=/opt/ml \
  SERVERY_LISTEN_INSECURE=true
COPY --from=package /package/servery.tgz /tmp/servery.tgz
RUN npm install --global --no-audit --no-fund /tmp/servery.tgz \
  && npm cache clean --force \
  && rm /tmp/servery.tgz
COPY --chmod=755 bin/servery-container /usr/local/bin/servery-container
WORKDIR /var/lib/servery
EXPOSE 8080
ENTRYPOINT ["servery-container"]
CMD ["serve"]
