//! Calls with a contract.

use std::{fmt, marker::PhantomData, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    client::{CallError, Client, ReplyStream, RequestBuilder},
    contract::{Event, Message},
};

/// A message with a typed reply that has not been sent yet, made by [`Client::message`].
///
/// Metadata and timeout are the client's unless they are set here. The method that sends the
/// message returns the errors of the request and the metadata.
#[must_use = "a request does nothing until it is sent"]
pub struct MessageRequest<Reply> {
    request: RequestBuilder,
    reply: PhantomData<fn() -> Reply>,
}

impl Client {
    /// Returns a message of this contract, not yet sent. Its request and reply have the contract's
    /// types.
    ///
    /// ```
    /// use nest_wire::{contract::Message, in_memory, server::{Payload, Router}};
    ///
    /// const SUM: Message<Vec<f64>, f64> = Message::new("sum");
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), nest_wire::client::CallError> {
    /// # let sum = async |Payload(numbers): Payload<Vec<f64>>| numbers.iter().sum::<f64>();
    /// # let client = in_memory::client(Router::new().handle_message(SUM, sum));
    /// let total = client.message(SUM, &vec![3.0, 5.0]).send().await?;
    /// assert_eq!(total, 8.0);
    /// # Ok(()) }
    /// ```
    pub fn message<Request: Serialize, Reply>(
        &self,
        message: Message<Request, Reply>,
        request: &Request,
    ) -> MessageRequest<Reply> {
        MessageRequest {
            request: self.request(message.pattern()).data(request),
            reply: PhantomData,
        }
    }

    /// Sends an event of this contract, as [`emit`](Self::emit) does.
    ///
    /// ```no_run
    /// use nest_wire::{client::Client, contract::Event};
    ///
    /// const USER_CREATED: Event<String> = Event::new("user_created");
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), nest_wire::client::CallError> {
    /// let client = Client::new("localhost:8888");
    /// client.emit_event(USER_CREATED, &"Ada".to_owned()).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The errors of [`emit`](Self::emit).
    pub async fn emit_event<Data: Serialize>(&self, event: Event<Data>, data: &Data) -> Result<(), CallError> {
        self.emit(event.pattern(), data).await
    }

    /// Sends an event of this contract without waiting for it, as
    /// [`emit_detached`](Self::emit_detached) does.
    pub fn emit_event_detached<Data: Serialize>(&self, event: Event<Data>, data: &Data) {
        self.emit_detached(event.pattern(), data);
    }
}

impl<Reply> MessageRequest<Reply> {
    /// Sets the metadata, instead of the [client's](Client::with_metadata).
    pub fn metadata(mut self, metadata: &(impl Serialize + ?Sized)) -> Self {
        self.request = self.request.metadata(metadata);
        self
    }

    /// Sets the timeout, instead of the [client's](Client::with_timeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.request = self.request.timeout(timeout);
        self
    }
}

impl<Reply: DeserializeOwned> MessageRequest<Reply> {
    /// Sends the message. Returns the last value of the reply, as [`Client::send`] does.
    ///
    /// # Errors
    /// The errors of [`Client::send`].
    pub async fn send(self) -> Result<Reply, CallError> {
        self.request.send().await
    }

    /// Sends the message. Returns the first value of the reply, as [`Client::send_first`] does.
    ///
    /// # Errors
    /// The errors of [`Client::send_first`].
    pub async fn send_first(self) -> Result<Reply, CallError> {
        self.request.send_first().await
    }

    /// Sends the message. Returns the reply's values as they come, as [`Client::send_stream`] does.
    ///
    /// # Errors
    /// The errors of [`Client::send_stream`].
    pub async fn send_stream(self) -> Result<ReplyStream<Reply>, CallError> {
        self.request.send_stream().await
    }
}

impl<Reply> fmt::Debug for MessageRequest<Reply> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MessageRequest").field(&self.request).finish()
    }
}
