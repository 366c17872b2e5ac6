//! Execution of background tasks.

use super::background_task::BackgroundTask;
use super::execute::FetchContext;
use super::handler::ProxyHandler;
use super::partition::response_address;
use super::protocol::FetchRequest;
use super::runtime::Runtime;

impl<R: Runtime> ProxyHandler<'_, R> {
    /// Runs tasks in order, and tasks that follow from them.
    pub async fn run_background_tasks(&self, mut tasks: Vec<BackgroundTask<R::Body>>) {
        while !tasks.is_empty() {
            for task in std::mem::take(&mut tasks) {
                match task {
                    BackgroundTask::Put { address, text, body, max_age } => {
                        self.runtime.put_cached(&address, &text, body, max_age).await;
                    }
                    BackgroundTask::Delete(address) => self.runtime.delete_cached(&address).await,
                    BackgroundTask::Refresh { address, partition, request } => {
                        self.refresh(partition, &request, &mut tasks).await;
                        tasks.push(BackgroundTask::EndRefresh(address));
                    }
                    BackgroundTask::EndRefresh(address) => {
                        self.runtime.isolate_cache().borrow_mut().refreshing.remove(&address);
                    }
                }
            }
        }
    }

    async fn refresh(&self, partition: String, request: &FetchRequest, tasks: &mut Vec<BackgroundTask<R::Body>>) {
        let state = self.partition_state(&partition).await;
        let stored = match state {
            Some(state) => {
                self.stored_response(&response_address(&partition, state.generation, &request.cache_key)).await
            }
            None => None,
        };
        let context = FetchContext {
            cache_key: request.cache_key.clone(),
            upstream_key: request.upstream_key.clone(),
            caller: Some(request.caller.clone()).filter(|caller| !caller.is_empty()),
            partition: Some(partition),
            started_at: self.runtime.now(),
        };
        self.fetch(&context, request, state, stored, tasks).await;
    }
}
