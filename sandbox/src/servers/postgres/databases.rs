//! Databases inside a private PostgreSQL: one for every test costs tens of milliseconds, copied from a migrated template.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::Postgres;
use crate::servers::ServerError;

impl Postgres {
    /// Creates an empty database.
    pub async fn create_database(&self, name: &str) -> Result<(), ServerError> {
        let name = checked(name)?;
        self.run(format!("CREATE DATABASE {name}")).await
    }

    /// Creates a database as a copy of another one, to which nobody may be connected meanwhile.
    pub async fn create_from_template(
        &self,
        name: &str,
        template: &str,
    ) -> Result<(), ServerError> {
        let (name, template) = (checked(name)?, checked(template)?);
        self.run(format!("CREATE DATABASE {name} TEMPLATE {template}"))
            .await
    }

    /// Removes a database, if it exists, and closes the connections to it.
    pub async fn drop_database(&self, name: &str) -> Result<(), ServerError> {
        let name = checked(name)?;
        self.run(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            .await
    }

    /// A connection of its own, so that nothing outlives the caller's runtime.
    async fn run(&self, statement: String) -> Result<(), ServerError> {
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        // The only variable parts are names that `checked` let pass.
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        Ok(())
    }
}

/// Names are part of the statement, since PostgreSQL takes no parameters there. Quoted, so that `user` is a name too.
fn checked(name: &str) -> Result<String, ServerError> {
    let plain = name
        .chars()
        .all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_'));
    let starts_well = name.starts_with(|c: char| !c.is_ascii_digit());
    if plain && starts_well && name.len() <= 63 {
        Ok(format!("\"{name}\""))
    } else {
        Err(ServerError::Name(name.to_owned()))
    }
}
