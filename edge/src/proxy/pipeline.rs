//! The stages of a request after [routing](crate::route_request): authorize, plan, execute, respond.

use super::background_task::BackgroundTask;
use super::execute::FetchContext;
use super::handler::ProxyHandler;
use super::outcome::PURGED;
use super::partition::PartitionState;
use super::plan::{ProxyPlan, plan};
use super::response::{ProxyResponse, ResolvedResponse, ServerTiming};
use super::runtime::{Runtime, UnavailableError};
use crate::http::response::Response;
use crate::http::router::PendingRequest;

impl<R: Runtime> ProxyHandler<'_, R> {
    /// Returns the response, with the tasks that remain once it is sent.
    pub async fn handle(&self, request: PendingRequest) -> ProxyResponse<R::Body> {
        let mut tasks = Vec::new();
        let mut response = match self.resolve(request, &mut tasks).await {
            Ok((response, timing)) => self.finalize(response, timing).await,
            Err(response) => self.finalize_local(response),
        };
        response.background_tasks = tasks;
        response
    }

    async fn resolve(
        &self,
        request: PendingRequest,
        tasks: &mut Vec<BackgroundTask<R::Body>>,
    ) -> Result<(ResolvedResponse<R::Body>, ServerTiming), Response> {
        let authorized = self.authorize(request).await?;
        let plan = plan(&authorized, self.request, self.settings, self.runtime.now())?;
        let upstream_key = self.proxy_settings.upstream_key.clone().unwrap_or(authorized.token);
        let caller = authorized.key.as_ref().map(|key| key.id.to_string());
        let partition = self.proxy_settings.partitions.as_ref().map(|partitions| partitions.name(&upstream_key));
        match plan {
            ProxyPlan::Fetch(cache_key) => {
                let started_at = self.runtime.now();
                self.execute(FetchContext { cache_key, upstream_key, caller, partition, started_at }, tasks).await
            }
            ProxyPlan::Purge => Err(self.purge(partition.as_deref(), caller.as_deref(), tasks).await?),
        }
    }

    async fn purge(
        &self,
        partition: Option<&str>,
        caller: Option<&str>,
        tasks: &mut Vec<BackgroundTask<R::Body>>,
    ) -> Result<Response, Response> {
        if let Some(partition) = partition {
            let known = self.partition_state(partition).await;
            if caller.is_none() && !self.is_known(known) {
                self.admit_unknown_key(partition).await?;
            }
            self.check_rate_limit(caller.unwrap_or(partition)).await?;
            let state = match self.runtime.purge_partition(partition).await {
                Ok(state) => state,
                Err(UnavailableError) => PartitionState::new(self.runtime.now(), known.map(|state| state.generation)),
            };
            self.remember_state(partition, state, tasks);
        }
        Ok(Response::empty(204).header("Cache-Status", PURGED))
    }
}
