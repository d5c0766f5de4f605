// Boost.Beast:
//
//     beast PORT
//
// /echo answers every message with itself, /deflate too and compresses for clients that offer it; what comes in
// on /pub goes to all who are on /sub.

// One thread: Asio may leave its locks out.
#define BOOST_ASIO_DISABLE_THREADS 1

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using boost::system::error_code;

// The executor's type is told, so that nothing is dispatched through `any_io_executor`.
using Executor = asio::io_context::executor_type;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;

class Session;

static std::unordered_set<Session*> subscribers;

class Session : public std::enable_shared_from_this<Session> {
public:
    explicit Session(Socket&& socket) : stream_(std::move(socket)) {}

    ~Session() { subscribers.erase(this); }

    void run()
    {
        stream_.read_message_max(17 << 20);
        stream_.auto_fragment(false);
        http::async_read(stream_.next_layer(), buffer_, request_,
            [self = shared_from_this()](error_code error, std::size_t) {
                if (!error) self->accept();
            });
    }

    void publish(std::shared_ptr<std::string const> message)
    {
        queue_.push_back(std::move(message));
        if (queue_.size() == 1) write_next();
    }

private:
    void accept()
    {
        if (!websocket::is_upgrade(request_)) return;
        auto const path = request_.target();
        publishes_ = path == "/pub";
        if (path == "/deflate") {
            websocket::permessage_deflate compression;
            compression.server_enable = true;
            compression.compLevel = 1;
            stream_.set_option(compression);
        } else if (!publishes_ && path != "/echo" && path != "/sub") {
            return;
        }
        bool const subscribes = path == "/sub";
        stream_.async_accept(request_, [self = shared_from_this(), subscribes](error_code error) {
            if (error) return;
            if (subscribes) subscribers.insert(self.get());
            self->request_ = {};
            self->read();
        });
    }

    void read()
    {
        stream_.async_read(buffer_, [self = shared_from_this()](error_code error, std::size_t) {
            if (error) return;
            if (self->publishes_) self->pass_on();
            else self->echo();
        });
    }

    void echo()
    {
        stream_.text(stream_.got_text());
        stream_.async_write(buffer_.data(), [self = shared_from_this()](error_code error, std::size_t) {
            if (error) return;
            self->buffer_.consume(self->buffer_.size());
            self->read();
        });
    }

    void pass_on()
    {
        auto const message = std::make_shared<std::string const>(beast::buffers_to_string(buffer_.data()));
        buffer_.consume(buffer_.size());
        for (auto* subscriber : subscribers) subscriber->publish(message);
        read();
    }

    void write_next()
    {
        stream_.binary(true);
        stream_.async_write(asio::buffer(*queue_.front()),
            [self = shared_from_this()](error_code error, std::size_t) {
                if (error) return;
                self->queue_.pop_front();
                if (!self->queue_.empty()) self->write_next();
            });
    }

    websocket::stream<Socket> stream_;
    beast::flat_buffer buffer_;
    http::request<http::empty_body> request_;
    std::deque<std::shared_ptr<std::string const>> queue_;
    bool publishes_ = false;
};

static void accept_next(Acceptor& acceptor)
{
    acceptor.async_accept([&acceptor](error_code error, Socket socket) {
        if (!error) {
            socket.set_option(asio::ip::tcp::no_delay(true), error);
            std::make_shared<Session>(std::move(socket))->run();
        }
        accept_next(acceptor);
    });
}

int main(int count, char** arguments)
{
    if (count != 2) {
        std::cerr << "usage: beast PORT\n";
        return 2;
    }
    auto const port = static_cast<std::uint16_t>(std::atoi(arguments[1]));
    asio::io_context context{1};
    asio::ip::tcp::endpoint const endpoint{asio::ip::address_v4::loopback(), port};
    Acceptor acceptor{context.get_executor()};
    acceptor.open(endpoint.protocol());
    acceptor.set_option(asio::socket_base::reuse_address(true));
    acceptor.bind(endpoint);
    acceptor.listen(4096);
    accept_next(acceptor);
    context.run();
}
