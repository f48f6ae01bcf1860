//! The one door to the database: every statement of `store/` goes through [`Client`], and is timed there.

use super::Change;
use crate::timing::{self, Phase};
use deadpool_postgres::{GenericClient, Transaction};
use tokio_postgres::{Error, Row, Statement, ToStatement, types::ToSql};

/// The values of a statement's parameters.
type Parameters<'a> = [&'a (dyn ToSql + Sync)];

/// What a statement runs on: a connection, a transaction or a change.
pub trait Client: Sync {
    type Inner: GenericClient;

    fn inner(&self) -> &Self::Inner;

    fn prepare_cached(&self, query: &str) -> impl Future<Output = Result<Statement, Error>> + Send {
        async move { timing::of(Phase::Sql, GenericClient::prepare_cached(self.inner(), query)).await }
    }

    fn execute<T: ToStatement + ?Sized + Sync + Send>(
        &self,
        statement: &T,
        parameters: &Parameters<'_>,
    ) -> impl Future<Output = Result<u64, Error>> + Send {
        async move { timing::of(Phase::Sql, GenericClient::execute(self.inner(), statement, parameters)).await }
    }

    fn query<T: ToStatement + ?Sized + Sync + Send>(
        &self,
        statement: &T,
        parameters: &Parameters<'_>,
    ) -> impl Future<Output = Result<Vec<Row>, Error>> + Send {
        async move { timing::of(Phase::Sql, GenericClient::query(self.inner(), statement, parameters)).await }
    }

    fn query_one<T: ToStatement + ?Sized + Sync + Send>(
        &self,
        statement: &T,
        parameters: &Parameters<'_>,
    ) -> impl Future<Output = Result<Row, Error>> + Send {
        async move { timing::of(Phase::Sql, GenericClient::query_one(self.inner(), statement, parameters)).await }
    }

    fn query_opt<T: ToStatement + ?Sized + Sync + Send>(
        &self,
        statement: &T,
        parameters: &Parameters<'_>,
    ) -> impl Future<Output = Result<Option<Row>, Error>> + Send {
        async move { timing::of(Phase::Sql, GenericClient::query_opt(self.inner(), statement, parameters)).await }
    }
}

impl<C: GenericClient> Client for C {
    type Inner = C;

    fn inner(&self) -> &C {
        self
    }
}

impl<'a> Client for Change<'a> {
    type Inner = Transaction<'a>;

    fn inner(&self) -> &Transaction<'a> {
        &self.transaction
    }
}
